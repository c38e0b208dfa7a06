import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';

const ARCHITECTURE_PAGE = 'docs/architecture.md';

/** Each package, app and example without a README.md, and each folder of their sources that the page of the architecture leaves out. */
export function missingPages(root: string): string[] {
  const homes = globSync('{apps,examples,packages}/*/', { cwd: root }).map(withSlashes).sort();
  const folders = globSync('{apps,packages}/*/src/**/', { cwd: root }).map(withSlashes).sort();
  const described = foldersOfTable(readFileSync(path.join(root, ARCHITECTURE_PAGE), 'utf8'));
  return [
    ...homes
      .filter((home) => !existsSync(path.join(root, home, 'README.md')))
      .map((home) => `${home}: has no README.md: say what it owns, what it may import and where to start`),
    ...folders
      .filter((folder) => !isDescribed(folder, described))
      .map((folder) => `${folder}: is missing from the table of ${ARCHITECTURE_PAGE}: say what it has`),
    ...[...described]
      .filter((folder) => !existsSync(path.join(root, folder)))
      .map((folder) => `${ARCHITECTURE_PAGE}: its table names ${folder}, which is not there`),
  ];
}

/** What is generated is one line, whatever folders the generator makes. */
function isDescribed(folder: string, described: ReadonlySet<string>): boolean {
  const generated = /^(.*\/gen)(\/|$)/.exec(folder)?.[1];
  return described.has(generated ?? folder);
}

function foldersOfTable(page: string): ReadonlySet<string> {
  const rows = page.split('\n').filter((line) => line.startsWith('|'));
  return new Set(
    rows.flatMap((row) =>
      [...row.matchAll(/`((?:apps|packages)\/[^/`]+\/src(?:\/[^`.]+)?)`/g)].flatMap(
        ([, folder]) => folder ?? [],
      ),
    ),
  );
}

function withSlashes(folder: string): string {
  return folder.split(path.sep).join('/').replace(/\/$/, '');
}
