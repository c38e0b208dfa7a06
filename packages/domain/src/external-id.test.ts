import assert from 'node:assert/strict';
import test from 'node:test';
import { isPossibleId, newIdFault, placeOrder, updateOrder } from './index.ts';

const FINE = [
  'c-1',
  'ACME GmbH & Co. KG',
  'Müller',
  '顧客 7',
  'क्षि',
  '𝒳-1',
  '🚚',
  '€'.repeat(200),
  'A|B/c\\d"e',
];

/** An id that looks like another or like nothing, and what is said of it. */
const REFUSED: readonly (readonly [string, RegExp])[] = [
  [' c-1', /^must have spaces within it only/],
  ['c-1 ', /^must have spaces within it only/],
  ['c  1', /^must have spaces within it only/],
  [' ', /^must have spaces within it only/],
  ['c\u00a01', /found U\+00A0$/],
  ['c\u3000' + '1', /found U\+3000$/],
  ['c\u200b-1', /found U\+200B$/],
  ['\ufeffc-1', /found U\+FEFF$/],
  ['c\u00ad1', /found U\+00AD$/],
  ['c-\u202e1', /found U\+202E$/],
  ['c-\u20661', /found U\+2066$/],
  ['c\u20281', /found U\+2028$/],
  ['c\u034f1', /found U\+034F$/],
  ['c\ufe0f', /found U\+FE0F$/],
  ['c\u{e0041}', /found U\+E0041$/],
  ['\u3164', /found U\+3164$/],
  ['\u2800', /found U\+2800$/],
  ['Mu\u0308ller', /NFC$/],
  ['\u212b', /NFC$/],
];

const CONTEXT = { now: new Date(0), eventId: 'event-1' };
const line = (sku: string) => ({ sku, quantity: 1, unitPriceMinor: 1 });
const place = (customerId: string, sku: string) =>
  placeOrder({ customerId, currency: 'EUR', items: [line('tea'), line(sku)] }, 'order-1', CONTEXT);

test('a new id is what it looks like', () => {
  for (const id of FINE) assert.equal(newIdFault(id), undefined, id);
  for (const [id, said] of REFUSED) assert.match(newIdFault(id) ?? '', said, JSON.stringify(id));
});

test('an order is placed with such ids only, and is told which is not', () => {
  for (const id of FINE) place(id, id);
  for (const [id] of REFUSED) {
    const fault = newIdFault(id);
    assert.throws(() => place(id, 'tea'), { code: 'invalid_order', message: `the customer id ${fault}` });
    assert.throws(() => place('c-1', id), { code: 'invalid_order', message: `the sku of line 2 ${fault}` });
  }
});

test('an order from before the rule can be changed, but gets no further article of that kind', () => {
  const [[first], [second]] = [REFUSED[4]!, REFUSED[5]!];
  const { order } = place('c-1', 'tea');
  const old = { ...order, customerId: first, items: [line(first)] };
  assert.equal(updateOrder(old, { items: [line('tea'), line(first)] }, CONTEXT).order.version, 2);
  assert.throws(() => updateOrder(old, { items: [line(first), line(second)] }, CONTEXT), {
    code: 'invalid_order',
    message: `the sku of line 2 ${newIdFault(second)}`,
  });
});

test('what is stored can be asked for, and what cannot be stored cannot', () => {
  for (const [id] of REFUSED) assert.ok(isPossibleId(id, 200), JSON.stringify(id));
  for (const id of ['', 'x'.repeat(201), 'a\u0000', 'a\nb', 'a\u0085', '\ud800', 'a\udc00']) {
    assert.ok(!isPossibleId(id, 200), JSON.stringify(id));
  }
});
