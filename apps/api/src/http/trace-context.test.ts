import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { traceContextOf } from './trace-context.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

/** Without the state, where there is none. */
function contextOf(traceparent: string | undefined, tracestate?: string) {
  const request = new IncomingMessage(new Socket());
  if (traceparent !== undefined) request.headers['traceparent'] = traceparent;
  if (tracestate !== undefined) request.headers['tracestate'] = tracestate;
  const { tracestate: state, ...context } = traceContextOf(request);
  return { ...context, ...(state !== undefined && { tracestate: state }) };
}

test('a trace context of version 00 goes on as it is', () => {
  const traceparent = `00-${TRACE}-${PARENT}-03`;
  assert.deepEqual(contextOf(traceparent), { traceId: TRACE, traceparent });
});

test('of a later version what is known of it goes on, as version 00', () => {
  const known = (flags: string) => ({ traceId: TRACE, traceparent: `00-${TRACE}-${PARENT}-${flags}` });
  assert.deepEqual(contextOf(`01-${TRACE}-${PARENT}-ff`), known('01'));
  assert.deepEqual(contextOf(`fe-${TRACE}-${PARENT}-02-what-will-be`), known('00'));
});

test('what is no trace context, or has a version that there never is, begins a new one', () => {
  const faulty = [
    undefined,
    'nonsense',
    `ff-${TRACE}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}-01-more`,
    `01-${TRACE}-${PARENT}-01more`,
    `01-${TRACE}-${PARENT}`,
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${PARENT}-01`,
  ];
  const made = faulty.map((traceparent) => contextOf(traceparent));
  for (const { traceId, traceparent } of made) {
    assert.match(traceparent, /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-01$/);
    assert.equal(traceparent.split('-')[1], traceId);
    assert.notEqual(traceId, TRACE);
  }
  assert.equal(new Set(made.map(({ traceId }) => traceId)).size, faulty.length);
});

test('the state of a trace goes on as it is', () => {
  const members = (count: number) => Array.from({ length: count }, (_, index) => `k${index}=v`).join(',');
  for (const state of [
    'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE',
    ' tenant@vendor=a b , , other=1',
    members(32),
    `k=${'v'.repeat(256)}`,
  ]) {
    assert.equal(contextOf(`00-${TRACE}-${PARENT}-01`, state).tracestate, state);
  }
});

test('a state that is none is left out, and so is one without its trace', () => {
  const members = (count: number) => Array.from({ length: count }, (_, index) => `k${index}=v`).join(',');
  for (const state of ['', ' ', 'nonsense', 'A=1', 'k=', 'k=a=b', 'k=\u00e9', '@v=1', members(33)]) {
    assert.ok(!('tracestate' in contextOf(`00-${TRACE}-${PARENT}-01`, state)), state);
  }
  const long = Array.from({ length: 3 }, (_, index) => `k${index}=${'v'.repeat(200)}`).join(',');
  assert.ok(!('tracestate' in contextOf(`00-${TRACE}-${PARENT}-01`, long)));
  assert.ok(!('tracestate' in contextOf(undefined, 'rojo=1')));
});
