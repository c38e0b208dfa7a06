import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openInBrowser } from '../../../test/harness/browser.ts';
import { eventually } from '../../../test/harness/index.ts';
import { startApi } from '../testing/order-client.ts';

test('a browser shows the reference, and an order is placed from it, with nothing from elsewhere', async (t) => {
  const { api, send } = await startApi(t);
  const page = await openInBrowser(t, `${api.urls.http}/docs`);
  const text = () => page.evaluate<string>('document.body.innerText');
  const click = (selector: string) =>
    eventually(async () => {
      const clicked = await page.evaluate<boolean>(
        `(() => { const found = document.querySelector('${selector}'); found?.click(); return !!found; })()`,
      );
      assert.ok(clicked, `there is no ${selector}`);
    });

  await click('#operations-orders-placeOrder .opblock-summary-control');
  await eventually(async () => {
    const shown = await text();
    for (const part of ['/orders/{order_id}/status', 'Idempotency-Key', 'idempotency_key_reused']) {
      assert.ok(shown.includes(part), `${part} is not shown`);
    }
  });
  await click('#operations-orders-placeOrder .execute');
  const placed = await eventually(async () => {
    const { orders } = (await send('GET', '/orders?customer_id=c-1')).body as {
      orders: { order_id: string }[];
    };
    assert.equal(orders.length, 1);
    return orders[0]!.order_id;
  });
  // Of the answer: the examples on the page have other ids.
  await eventually(async () => assert.ok((await text()).includes(placed), `${placed} is not shown`));

  assert.deepEqual(page.complaints, []);
  const elsewhere = page.requested.filter((url) => !/^(data:|about:)/.test(url));
  assert.ok(elsewhere.length > 4);
  assert.deepEqual(
    elsewhere.filter((url) => !url.startsWith(api.urls.http)),
    [],
  );
});

test('the reference can be left out', async (t) => {
  const { api } = await startApi(t, { API_DOCS: 'off' });
  assert.equal((await fetch(`${api.urls.http}/docs`)).status, 404);
  assert.equal((await fetch(`${api.urls.http}/openapi.json`)).status, 200);
});
