import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPageTokens, type PageTokens, type TokenKind } from './page-token.ts';

const MOMENT = { run: '16384/1760000000.123456/1760000000.654321', snapshot: '750:760:750,752' };
const ORDER_ID = '0199c2a4-5b1e-7cc3-a1f0-5d6f0c3b2a19';
const POSITION = { createdAt: '2026-02-17T10:00:00.123456Z', orderId: ORDER_ID };
const LIST = { status: 'pending', customerId: 'c-1', confinedTo: undefined };

const CONTENTS = {
  list: { position: POSITION, moment: MOMENT },
  changes: { until: '755:800:755', transactionId: '752', key: ORDER_ID },
  moment: MOMENT,
};
const KINDS = ['list', 'changes', 'moment'] as const;

/** The kinds differ in what they hold, which is the same to the tests. */
const kindOf = (tokens: PageTokens, kind: (typeof KINDS)[number]) => tokens[kind] as TokenKind<object>;

for (const [what, secret] of [
  ['with a secret', 'one that replicas share'],
  ['without', undefined],
] as const) {
  for (const kind of KINDS) {
    test(`a token brings back its content: ${kind}, ${what}`, () => {
      const tokens = kindOf(createPageTokens(secret), kind);
      const replica = kindOf(createPageTokens(secret), kind);
      assert.deepEqual(tokens.decode(tokens.encode(CONTENTS[kind], LIST), LIST), CONTENTS[kind]);
      assert.deepEqual(replica.decode(tokens.encode(CONTENTS[kind], LIST), LIST), CONTENTS[kind]);
    });

    test(`a token of another list, secret, kind or hand is refused: ${kind}, ${what}`, () => {
      const tokens = createPageTokens(secret);
      const token = kindOf(tokens, kind).encode(CONTENTS[kind], LIST);
      const decode = (text: string, about: object = LIST) => kindOf(tokens, kind).decode(text, about);
      for (const other of [{ ...LIST, status: 'shipped' }, { ...LIST, confinedTo: 'c-1' }, {}]) {
        assert.equal(decode(token, other), undefined, JSON.stringify(other));
      }
      for (const other of KINDS.filter((name) => name !== kind)) {
        assert.equal(kindOf(tokens, other).decode(token, LIST), undefined, other);
      }
      assert.equal(kindOf(createPageTokens('another'), kind).decode(token, LIST), undefined);
      const bytes = Buffer.from(token, 'base64url');
      for (let at = 0; at < bytes.length; at += 1) {
        const forged = Buffer.from(bytes);
        forged[at]! ^= 1;
        assert.equal(decode(forged.toString('base64url')), undefined, `byte ${at}`);
      }
      for (const garbage of ['', '%%%', 'bnVsbA', token.slice(0, -5)]) {
        assert.equal(decode(garbage), undefined, garbage);
      }
    });
  }
}

test('a token of a list that a standby answered has no moment', () => {
  const { list } = createPageTokens();
  const place = { position: POSITION, moment: undefined };
  assert.deepEqual(list.decode(list.encode(place, LIST), LIST), place);
});

test('neither the text of a token nor its length tells how much has happened', () => {
  const { moment } = createPageTokens('one that replicas share');
  const quiet = moment.encode({ ...MOMENT, snapshot: '750:750:' }, LIST);
  const busy = moment.encode({ ...MOMENT, snapshot: '99999999:99999999:' }, LIST);
  assert.equal(quiet.length, busy.length);
  assert.notEqual(moment.encode(MOMENT, LIST), moment.encode(MOMENT, LIST), 'the same moment, told twice');
});
