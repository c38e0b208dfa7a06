import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { Status } from 'nice-grpc-common';
import {
  refuse,
  type ScriptedMessage,
  silence,
  startScriptedGateway,
} from '../../packages/order-stream/testing/scripted-gateway.ts';
import { eventually } from '../../test/harness/index.ts';
import { createTestFolder } from '../../test/harness/test-folder.ts';
import { startPython } from './testing/python-client.ts';

const TOLD_DELAY_MS = 3_000;
const EVENT: ScriptedMessage = { events: [{ eventId: '1' }], resumeToken: '1' };

test('a client in Python comes back when it is told to, and not for a word of a proxy', async (t) => {
  const askedAtMs: number[] = [];
  const { address } = await startScriptedGateway(t, async function* (_, { number, context }) {
    askedAtMs.push(performance.now());
    if (number === 1) {
      refuse(context, Status.RESOURCE_EXHAUSTED, 'full', {
        info: { reason: 'TOO_MANY_WATCHERS', metadata: {} },
        retryDelayMs: TOLD_DELAY_MS,
      });
    }
    // As a proxy says it whose own certificate or token has just been changed: without details.
    if (number === 2) refuse(context, Status.UNAUTHENTICATED, 'not yet', {});
    if (number === 4) {
      refuse(context, Status.UNAUTHENTICATED, 'never', { info: { reason: 'NOT_ALLOWED', metadata: {} } });
    }
    yield EVENT;
    if (number > 4) await silence(context);
  });
  const tokenFile = join(await createTestFolder(), 'watch.token');
  const client = await startPython(t, 'watch.py', [address, tokenFile]);
  await eventually(() => assert.equal(client.shown.length, 1));
  const waitedMs = (askedAtMs[1] ?? 0) - (askedAtMs[0] ?? 0);
  assert.ok(waitedMs >= TOLD_DELAY_MS - 5, `it came back after ${waitedMs} ms`);
  const { code, stderr } = await client.ended;
  assert.equal(code, 1, 'what a gateway itself refuses is final');
  assert.match(stderr, /never/);
  assert.equal(askedAtMs.length, 4);
});
