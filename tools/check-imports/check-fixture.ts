import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createFixtureProject } from '../fixture-project.ts';
import { checkImports } from './check-imports.ts';

const FIXTURE = path.join(import.meta.dirname, 'fixture');

/**
 * Applies the rules to a project that breaks each of them. Its files say in a first line `// rejected: <rule>, ...` what must be
 * found in them; in the others nothing must be. Answers with what turned out otherwise.
 */
export async function checkFixture(): Promise<string[]> {
  const project = await createFixtureProject([FIXTURE]);
  try {
    const { findings, files, rules } = await checkImports(project.root);
    const expected = new Set<string>();
    for (const file of files) {
      for (const rule of await rejections(path.join(project.root, file))) expected.add(`${rule} in ${file}`);
    }
    const found = new Set(findings.map((finding) => `${finding.rule} in ${finding.file}`));
    const proven = [...expected].map((line) => line.split(' ')[0]);
    return [
      ...[...expected].filter((line) => !found.has(line)).map((line) => `fixture: not found: ${line}`),
      ...[...found]
        .filter((line) => !expected.has(line))
        .map((line) => `fixture: found without reason: ${line}`),
      ...rules.filter((rule) => !proven.includes(rule)).map((rule) => `fixture: no file breaks ${rule}`),
    ];
  } finally {
    await project.remove();
  }
}

async function rejections(file: string): Promise<string[]> {
  const header = /^\/\/ rejected: (.+)$/m.exec(await readFile(file, 'utf8'));
  return header?.[1]?.split(', ') ?? [];
}
