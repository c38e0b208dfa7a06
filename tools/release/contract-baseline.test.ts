import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { contractBreaks, CONTRACT_BASELINE, moveContractBaseline } from './contract-baseline.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const CONTRACT = 'proto/orders/v1/order_stream.proto';

/** A copy of the contract, changed; answers its root. */
async function changed(t: TestContext, change: (text: string) => string): Promise<string> {
  const root = await mkdtemp(path.join(tmpdir(), 'contract-'));
  t.after(() => rm(root, { recursive: true }));
  await cp(path.join(ROOT, 'proto'), path.join(root, 'proto'), { recursive: true });
  const before = await readFile(path.join(root, CONTRACT), 'utf8');
  const after = change(before);
  assert.notEqual(after, before);
  await writeFile(path.join(root, CONTRACT), after);
  return root;
}

const breaking: Readonly<Record<string, readonly [string, string]>> = {
  'a field that goes': ['  string reason = 6;\n', ''],
  'a field with another type': ['uint32 attempts = 5;', 'string attempts = 5;'],
  'a field with another number': ['bool set_aside = 7;', 'bool set_aside = 17;'],
  'an RPC that goes': ['  rpc CloseWatcher(CloseWatcherRequest) returns (CloseWatcherResponse);\n', ''],
};

for (const [what, [from, to]] of Object.entries(breaking)) {
  test(`the contract check refuses ${what}`, async (t) => {
    const root = await changed(t, (text) => text.replace(from, to));
    assert.match(await contractBreaks(path.join(root, 'proto')), /order_stream\.proto/);
  });
}

test('the contract check lets a new field through, and a version takes it in', async (t) => {
  const field = '  string note = 900;\n';
  const root = await changed(t, (text) => text.replace('  string reason = 6;\n', (found) => found + field));
  assert.equal(await contractBreaks(path.join(root, 'proto')), '');
  const former = await readFile(path.join(root, CONTRACT_BASELINE));
  await moveContractBaseline(root);
  assert.ok(!former.equals(await readFile(path.join(root, CONTRACT_BASELINE))));
});
