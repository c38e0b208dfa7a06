import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sessionConfig, settledUrl, transactionSettings } from './session-settings.ts';

const settingsOf = (options: string) =>
  settledUrl(`postgres://db/orders?options=${encodeURIComponent(options)}`).settings.map(
    ({ name, value }) => [name, value],
  );

test('settings in the URL are read as Postgres reads them, and taken out of it', () => {
  assert.deepEqual(settingsOf('-c search_path=shop,public -cwork_mem=8MB  --lock-timeout=1s'), [
    ['search_path', 'shop,public'],
    ['work_mem', '8MB'],
    ['lock_timeout', '1s'],
  ]);
  assert.deepEqual(settingsOf(String.raw`-c search_path=shop,\ pub\\lic`), [
    ['search_path', String.raw`shop, pub\lic`],
  ]);
  const { url } = settledUrl('postgres://db/orders?sslmode=require&options=-c%20search_path%3Dshop');
  assert.equal(url, 'postgres://db/orders?sslmode=require');
  assert.deepEqual(settledUrl('postgres://db/orders'), { url: 'postgres://db/orders', settings: [] });
});

test('an option that is no setting is refused', () => {
  for (const options of ['-c', 'search_path=shop', '-e', '-c search_path']) {
    assert.throws(() => settingsOf(options), /is no setting/, options);
  }
});

test('what the program relies on comes after what the URL asks for', () => {
  const { options = '', connectionString } = sessionConfig(
    'postgres://db/orders?options=-c%20DateStyle%3DGerman%20-c%20search_path%3Dit%27s',
  );
  assert.equal(connectionString, 'postgres://db/orders');
  assert.ok(options.startsWith(`-c DateStyle=German -c search_path=it's -c datestyle=ISO,\\ MDY`), options);
  const sql = transactionSettings([{ name: 'search_path', value: `it's` }]);
  assert.match(
    sql,
    /^SELECT pg_catalog\.set_config\('search_path', 'it''s', true\), pg_catalog\.set_config\('datestyle'/,
  );
});
