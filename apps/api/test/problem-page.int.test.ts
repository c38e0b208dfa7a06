import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROBLEMS } from '../src/http/problem.ts';
import { startApi } from '../testing/order-client.ts';

test('the type of a problem leads to its section of a page that explains all of them', async (t) => {
  const { api, send } = await startApi(t);
  const { body } = await send('GET', '/nowhere');
  const explained = new URL(String(body['type']), `${api.urls.http}${String(body['instance'])}`);
  const response = await fetch(explained);
  assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8');
  assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'none'/);
  const page = await response.text();
  assert.ok(page.includes(`id="${explained.hash.slice(1)}"`));
  for (const code of Object.keys(PROBLEMS)) {
    assert.match(page, new RegExp(`<section id="${code}">\\s*<h2>[^<]+</h2>\\s*<p><code>${code}</code>`));
  }
});
