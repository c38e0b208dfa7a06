import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutFence } from '../../testing/mutants.ts';
import {
  coordinatorOf,
  createRecords,
  createWriterBench as setUp,
  fence,
  initProducer,
  soon,
} from '../../testing/writer-bench.ts';
import { type AskCoordinator, createCoordinators } from '../group/coordinator-client.ts';
import { fencePartition } from './producer-fence.ts';
import { ERROR_CODE } from '../wire/protocol-error.ts';
import type { ProducerIdentity } from '../wire/record-batch-encoding.ts';
import { abortTransactionRequest, addPartitionRequest, initProducerIdRequest } from '../wire/transaction.ts';

test('a fence holds before its owner has written anything', async (t) => {
  const { cluster, transactionalIdPrefix, produce, values } = await setUp(t);
  const older = await fence(cluster, transactionalIdPrefix);
  assert.equal((await produce(older, 0, ['before'])).errorCode, 0);
  await fence(cluster, transactionalIdPrefix);
  assert.equal((await produce(older, 1, ['after'])).errorCode, ERROR_CODE.INVALID_PRODUCER_EPOCH);
  assert.deepEqual(await values(), ['before']);
});

test('without the fence an older owner is believed until the new one has written', async (t) => {
  const { cluster, transactionalIdPrefix, produce } = await setUp(t);
  const older = await fence(cluster, transactionalIdPrefix);
  assert.equal((await produce(older, 0, ['before'])).errorCode, 0);
  const ask = createCoordinators(cluster, 'transaction').ask(transactionalIdPrefix, soon());
  await withoutFence(ask, { transactionalId: transactionalIdPrefix, topic: cluster.topic, partition: 0 });
  assert.equal(
    (await produce(older, 1, ['after'])).errorCode,
    0,
    'the test of the fence would not see it missing',
  );
});

test('a claim succeeds after an owner that died inside its own claim', async (t) => {
  const { cluster, transactionalIdPrefix, produce, writer, values } = await setUp(t);
  const transactionalId = `${transactionalIdPrefix}-0`;
  const dead = await initProducer(cluster, transactionalId);
  const connection = await coordinatorOf(cluster, transactionalId);
  const added = await connection.send(addPartitionRequest(transactionalId, dead, cluster.topic, 0));
  assert.equal(added.errorCode, 0);

  const log = writer();
  await log.claim(0, soon());

  assert.equal((await log.append(0, createRecords('a'), soon())).kind, 'appended');
  assert.equal((await produce(dead, 0, ['of the dead'])).errorCode, ERROR_CODE.INVALID_PRODUCER_EPOCH);
  assert.deepEqual(await values(), ['a']);
});

test('a claim that another overtakes before its last step fails', async (t) => {
  const { cluster, transactionalIdPrefix: transactionalId, produce, values } = await setUp(t);
  const ask = createCoordinators(cluster, 'transaction').ask(transactionalId, soon());
  let other: ProducerIdentity | undefined;
  let inits = 0;
  const askLate: AskCoordinator = async (wire) => {
    if (wire.request.apiName === 'InitProducerId' && ++inits === 2) {
      other = await ask(initProducerIdRequest(transactionalId));
      await ask(addPartitionRequest(transactionalId, other, cluster.topic, 0));
      await ask(abortTransactionRequest(transactionalId, other));
    }
    return ask(wire);
  };

  // It would get an epoch above the other's marker: nothing would fence it until the other has written.
  await assert.rejects(fencePartition(askLate, { transactionalId, topic: cluster.topic, partition: 0 }), {
    name: 'KafkaProtocolError',
    message: /PRODUCER_FENCED|INVALID_PRODUCER_EPOCH/,
  });
  assert.ok(other);
  const owner = await ask(initProducerIdRequest(transactionalId, other));
  assert.equal((await produce(owner, 0, ['owned'])).errorCode, 0);
  assert.deepEqual(await values(), ['owned']);
});

test('of claims at the same time, the partition goes to one at most, and the fenced ones learn of it', async (t) => {
  const { writer, values } = await setUp(t);
  const writers = Array.from({ length: 4 }, writer);
  let total = 0;
  for (let round = 0; round < 10; round += 1) {
    const claims = await Promise.allSettled(writers.map((log) => log.claim(0, soon())));
    const claimed = writers.filter((_, index) => claims[index]?.status === 'fulfilled');
    const results = await Promise.all(claimed.map((log) => log.append(0, createRecords('a'), soon())));
    const appended = results.filter(({ kind }) => kind === 'appended').length;
    assert.ok(appended <= 1, 'two writers own the partition');
    total += appended;
    for (const claim of claims) {
      if (claim.status === 'rejected')
        assert.match(String(claim.reason), /PRODUCER_FENCED|INVALID_PRODUCER_EPOCH/);
    }
  }
  assert.equal((await values()).length, total);
});

test('the fence holds when the epochs of a producer id run out', async (t) => {
  const { cluster, transactionalIdPrefix, produce } = await setUp(t);
  let { producerId, producerEpoch } = await initProducer(cluster, transactionalIdPrefix);
  const connection = await coordinatorOf(cluster, transactionalIdPrefix);
  while (producerEpoch < 32_696) {
    const count = Math.min(500, 32_696 - producerEpoch);
    const wire = initProducerIdRequest(transactionalIdPrefix);
    const answers = await Promise.all(Array.from({ length: count }, () => connection.send(wire)));
    producerEpoch = answers.at(-1)!.producerEpoch;
  }
  let older: ProducerIdentity | undefined;
  let producerIds = 1;
  for (let claim = 0; claim < 5; claim += 1) {
    const owner = await fence(cluster, transactionalIdPrefix);
    if (owner.producerId !== producerId) producerIds += 1;
    ({ producerId } = owner);
    assert.equal((await produce(owner, 0, ['owned'])).errorCode, 0);
    if (older)
      assert.equal((await produce(older, 1, ['fenced'])).errorCode, ERROR_CODE.INVALID_PRODUCER_EPOCH);
    older = owner;
  }
  assert.equal(producerIds, 2);
});
