import path from 'node:path';
import { setVersion } from './versions.ts';

try {
  const version = process.argv[2] ?? '';
  setVersion(path.resolve(import.meta.dirname, '../..'), version);
  console.log(`the version is ${version} everywhere; make generate writes it into the documents`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
