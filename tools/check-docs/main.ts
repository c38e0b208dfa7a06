import path from 'node:path';
import { checkDocs } from './check-docs.ts';

const { problems, pages } = checkDocs(path.resolve(import.meta.dirname, '../..'));
for (const problem of problems) console.error(problem);
if (pages === 0) console.error('no page found');
if (pages === 0 || problems.length > 0) process.exitCode = 1;
else
  console.log(
    `docs: the links of ${pages} pages lead somewhere, and every folder of the sources is described`,
  );
