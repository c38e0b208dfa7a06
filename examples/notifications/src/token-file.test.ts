import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createTokenFile } from './token-file.ts';

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'token-file-'));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

test('a token is read as it was written, by the next process too', async (t) => {
  const path = join(await folder(t), 'token');
  const file = createTokenFile(path);
  assert.equal(await file.read(), undefined);
  await file.write('first');
  await file.write('second');
  assert.equal(await createTokenFile(path).read(), 'second');
});

test('what a crash left half written is never read', async (t) => {
  const path = join(await folder(t), 'token');
  await createTokenFile(path).write('whole');
  await writeFile(`${path}.new`, 'ha');
  const file = createTokenFile(path);
  assert.equal(await file.read(), 'whole');
  await file.write('newer');
  assert.equal(await createTokenFile(path).read(), 'newer');
});

test('a token that has not changed is not written again', async (t) => {
  const path = await folder(t);
  const file = createTokenFile(join(path, 'token'));
  await file.write('same');
  await rm(join(path, 'token'));
  await file.write('same');
  assert.deepEqual(await readdir(path), []);
});

test('a file that cannot be read is an error, not a fresh start', async (t) => {
  await assert.rejects(createTokenFile(await folder(t)).read(), { code: 'EISDIR' });
});
