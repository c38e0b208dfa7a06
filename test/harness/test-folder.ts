import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atFileEnd } from './file-end.ts';

/** A folder of the test's own, in `parent`; removed when the tests of the file are over, and with them whoever writes to it. */
export async function createTestFolder(parent: string = tmpdir()): Promise<string> {
  const path = await mkdtemp(join(parent, 'order-events-test-'));
  atFileEnd(() => rm(path, { recursive: true, force: true }));
  return path;
}
