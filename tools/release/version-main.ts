import path from 'node:path';
import { moveContractBaseline } from './contract-baseline.ts';
import { setVersion } from './versions.ts';

try {
  const version = process.argv[2] ?? '';
  const root = path.resolve(import.meta.dirname, '../..');
  setVersion(root, version);
  await moveContractBaseline(root);
  console.log(
    `the version is ${version} everywhere, and the contract may not be broken from here on; make generate writes it into the documents`,
  );
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
