import assert from 'node:assert/strict';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createTestFolder } from '../../../test/harness/test-folder.ts';
import { createTokenFile } from './token-file.ts';

test('a token is read as it was written, by the next process too', async () => {
  const path = join(await createTestFolder(), 'token');
  const file = createTokenFile(path);
  assert.equal(await file.read(), undefined);
  await file.write('first');
  await file.write('second');
  assert.equal(await createTokenFile(path).read(), 'second');
});

test('what a crash left half written is never read', async () => {
  const path = join(await createTestFolder(), 'token');
  await createTokenFile(path).write('whole');
  await writeFile(`${path}.new`, 'ha');
  const file = createTokenFile(path);
  assert.equal(await file.read(), 'whole');
  await file.write('newer');
  assert.equal(await createTokenFile(path).read(), 'newer');
});

test('a token that has not changed is not written again', async () => {
  const path = await createTestFolder();
  const file = createTokenFile(join(path, 'token'));
  await file.write('same');
  await rm(join(path, 'token'));
  await file.write('same');
  assert.deepEqual(await readdir(path), []);
});

test('a file that cannot be read is an error, not a fresh start', async () => {
  await assert.rejects(createTokenFile(await createTestFolder()).read(), { code: 'EISDIR' });
});
