import path from 'node:path';
import { checkFixture } from './check-fixture.ts';
import { checkImports } from './check-imports.ts';

const { findings, files, rules } = await checkImports(path.resolve(import.meta.dirname, '../..'));
const problems = [
  ...findings.map(({ file, rule, message }) => `${file}: ${rule}: ${message}`),
  ...(await checkFixture()),
];
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else
  console.log(`imports: ${files.length} files keep ${rules.length} rules; the known-bad fixture is rejected`);
