import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFakeCluster } from '../../testing/fake-cluster.ts';
import { createCoordinators } from './coordinator-client.ts';
import type { TopicCluster } from '../cluster/topic-cluster.ts';
import { ERROR_CODE } from '../wire/protocol-error.ts';
import { initProducerIdRequest } from '../wire/transaction.ts';

const NEVER = new AbortController().signal;
const request = initProducerIdRequest('id');

/** Asks the coordinator of `id`, which answers as told; `asked` has what was sent, with the port of the broker. */
function setUp(...answers: ({ errorCode: number } | Error)[]) {
  const asked: string[] = [];
  let coordinators = 0;
  const next = () => {
    const answer = answers.shift() ?? { errorCode: 0 };
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer as never);
  };
  const cluster: TopicCluster = {
    ...createFakeCluster([0]),
    askAny(wire) {
      coordinators += 1;
      asked.push(wire.request.apiName);
      return Promise.resolve({ errorCode: 0, coordinator: { host: 'broker', port: coordinators } } as never);
    },
    connection: ({ port }) =>
      Promise.resolve({
        send(wire) {
          asked.push(`${wire.request.apiName} ${port}`);
          return next();
        },
        isOpen: () => true,
        close() {},
      }),
  };
  return { asked, ask: createCoordinators(cluster, 'transaction').ask('id', NEVER) };
}

test('the coordinator is looked for once', async () => {
  const { ask, asked } = setUp();
  await ask(request);
  await ask(request);
  assert.deepEqual(asked, ['GroupCoordinator', 'InitProducerId 1', 'InitProducerId 1']);
});

test('a coordinator that is busy is asked again, one that has moved is looked for', async () => {
  const { ask, asked } = setUp(
    { errorCode: ERROR_CODE.CONCURRENT_TRANSACTIONS },
    { errorCode: ERROR_CODE.NOT_COORDINATOR },
  );
  await ask(request);
  assert.deepEqual(asked, [
    'GroupCoordinator',
    'InitProducerId 1',
    'InitProducerId 1',
    'GroupCoordinator',
    'InitProducerId 2',
  ]);
});

test('another error ends it; after a dead connection the coordinator is looked for', async () => {
  const { ask, asked } = setUp({ errorCode: ERROR_CODE.PRODUCER_FENCED }, new Error('the connection broke'));
  await assert.rejects(ask(request), { code: ERROR_CODE.PRODUCER_FENCED });
  await assert.rejects(ask(request), /the connection broke/);
  await ask(request);
  assert.equal(asked.at(-1), 'InitProducerId 2');
});
