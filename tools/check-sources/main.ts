import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { checkSource } from './check-source.ts';
import { checkOutboxSql } from './outbox-sql.ts';

const root = path.resolve(import.meta.dirname, '../..');
const files = globSync('{apps,examples,packages,test,tools}/**/*.ts', {
  cwd: root,
  exclude: ['**/node_modules/**', 'tools/*/fixture/**', 'tools/*/fixtures/**'],
});
const sources = files.map((file) => ({ file, text: readFileSync(path.join(root, file), 'utf8') }));
const problems = [
  ...sources.flatMap(({ file, text }) => checkSource(file, text)),
  ...checkOutboxSql(sources),
];
for (const problem of problems) console.error(problem);
if (files.length === 0) console.error('no source file found');
if (files.length === 0 || problems.length > 0) process.exitCode = 1;
else
  console.log(
    `sources: sizes, names, readers of the environment and the door to the outbox are right in ${files.length} files`,
  );
