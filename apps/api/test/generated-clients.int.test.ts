import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { createClient } from '@hey-api/openapi-ts';
import { installPythonPackages } from '../../../test/harness/python-packages.ts';
import { createTestFolder } from '../../../test/harness/test-folder.ts';
import { startApi, type OrderClient } from '../testing/order-client.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..', '..');
const DOCUMENT = join(REPOSITORY, 'apps/api/openapi.json');
const run = promisify(execFile);

type Read = Readonly<Record<'order_id' | 'created_at' | 'updated_at', string>>;

const instant = (time: string) => new Date(time).toISOString();

/** The order that a generated client read is the one that is there, and it understood why it was refused. */
async function assertRead(stdout: string, send: OrderClient['send']) {
  const { read, refused } = JSON.parse(stdout) as { read: Read; refused: string };
  // Python writes the same time otherwise.
  const times = { created_at: instant(read.created_at), updated_at: instant(read.updated_at) };
  assert.deepEqual({ ...read, ...times }, (await send('GET', `/orders/${read.order_id}`)).body);
  assert.equal(refused, 'validation_failed');
}

test('a Python client generated from the document places and reads an order', async (t) => {
  const [{ api, send }] = await Promise.all([startApi(t), installPythonPackages('python-rest')]);
  const folder = await createTestFolder();
  const tools = join(REPOSITORY, '.cache/python-rest/bin');
  // Formatting the client would change nothing about it.
  await writeFile(join(folder, 'config.yml'), 'post_hooks: []\n');
  await run(
    join(tools, 'openapi-python-client'),
    [
      ...['generate', '--path', DOCUMENT, '--output-path', 'orders_client', '--meta', 'none'],
      ...['--config', 'config.yml', '--fail-on-warning'],
    ],
    { cwd: folder },
  );
  const program = join(REPOSITORY, 'apps/api/testing/clients/place_and_read.py');
  const env = { ...process.env, PYTHONPATH: folder };
  const { stdout } = await run(join(tools, 'python'), [program, api.urls.http], { env });
  await assertRead(stdout, send);
});

const PLACE_AND_READ = `
import { createClient } from './client/index.ts';
import { getOrder, placeOrder, type PlaceOrder } from './index.ts';

const client = createClient({ baseUrl: process.argv[2] });
const body: PlaceOrder = { customer_id: 'c-1', currency: 'EUR', items: [{ sku: 'tea', quantity: 2, unit_price_minor: 450 }] };
const headers = { 'Idempotency-Key': 'typescript' };
const placed = await placeOrder({ client, body, headers, throwOnError: true });
const read = await getOrder({ client, path: { order_id: placed.data.order_id }, throwOnError: true });
const version: number = read.data.version;
const refused = await placeOrder({ client, body: { ...body, currency: 'euro' } });
console.log(JSON.stringify({ read: { ...read.data, version }, refused: refused.error?.code }));
`;

test('a TypeScript client generated from the document type-checks, places and reads an order', async (t) => {
  const { api, send } = await startApi(t);
  const folder = await createTestFolder();
  await createClient({
    input: DOCUMENT,
    output: { path: folder, module: { extension: '.ts' } },
    plugins: ['@hey-api/client-fetch', '@hey-api/sdk', '@hey-api/typescript'],
    logs: { level: 'silent' },
  });
  const program = join(folder, 'place-and-read.ts');
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await writeFile(program, PLACE_AND_READ);
  await run(join(REPOSITORY, 'node_modules/.bin/tsc'), [
    ...['--noEmit', '--ignoreConfig', '--strict', '--target', 'es2024', '--lib', 'es2024,dom,dom.iterable'],
    ...['--module', 'nodenext', '--moduleDetection', 'force', '--allowImportingTsExtensions'],
    ...['--typeRoots', join(REPOSITORY, 'node_modules/@types'), '--types', 'node', program],
  ]);
  const { stdout } = await run(process.execPath, ['--import', 'tsx', program, api.urls.http], {
    cwd: REPOSITORY,
  });
  await assertRead(stdout, send);
});
