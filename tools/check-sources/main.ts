import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { checkSource } from './check-source.ts';
import { checkMigrations } from './expand-migrations.ts';
import { checkOutboxSql } from './outbox-sql.ts';

const root = path.resolve(import.meta.dirname, '../..');
const files = globSync(['{apps,examples,packages,test,tools}/**/*.ts', 'apps/*/page/*.js'], {
  cwd: root,
  exclude: [
    '**/node_modules/**',
    'apps/stream-gateway/page/order-stream.js',
    'tools/*/fixture/**',
    'tools/*/fixtures/**',
  ],
});
const migrations = globSync('migrations/[0-9]*.sql', { cwd: root }).sort();
const read = (file: string) => ({ file, text: readFileSync(path.join(root, file), 'utf8') });
const sources = files.map(read);
const problems = [
  ...sources.flatMap(({ file, text }) => checkSource(file, text)),
  ...checkOutboxSql(sources),
  ...checkMigrations(migrations.map(read)),
];
for (const problem of problems) console.error(problem);
const isMissing = files.length === 0 || migrations.length === 0;
if (isMissing) console.error('no source file, or no migration, found');
if (isMissing || problems.length > 0) process.exitCode = 1;
else
  console.log(
    `sources: sizes, names, readers of the environment and the door to the outbox are right in ${files.length} files; ${migrations.length} migrations leave the version before what it uses`,
  );
