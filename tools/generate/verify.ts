import { execFileSync } from 'node:child_process';
import { GENERATED_FILES, generateAll, REPOSITORY } from './generated-files.ts';

await generateAll();
// Unlike git diff, this shows files that were never committed as well.
const args = ['status', '--porcelain', '--untracked-files=all', '--', ...GENERATED_FILES];
const differing = execFileSync('git', args, { cwd: REPOSITORY, encoding: 'utf8' });
if (differing === '') {
  console.log(`generated files are as committed: ${GENERATED_FILES.join(', ')}`);
} else {
  console.error(`${differing}differ from what is generated: run make generate and commit the result`);
  process.exitCode = 1;
}
