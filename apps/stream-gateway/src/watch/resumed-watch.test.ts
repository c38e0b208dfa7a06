import assert from 'node:assert/strict';
import test from 'node:test';
import { ORDER_STATUSES } from '@order-events/domain';
import fc from 'fast-check';
import { orderEvent } from '../../testing/order-events.ts';
import { createWatchedLog } from '../../testing/watched-log.ts';
import { STATUS_NAMES } from '../order-enums.ts';
import { decodeResumeToken } from '../position/resume-token.ts';
import type { StartPosition } from '../position/start-position.ts';

const PARTITIONS = 3;

/** What happens to the log and to the stream, one step after another. */
const steps = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('append' as const),
      partition: fc.nat({ max: PARTITIONS - 1 }),
      statuses: fc.array(fc.constantFrom(...ORDER_STATUSES), { minLength: 1, maxLength: 30 }),
    }),
    fc.record({ kind: fc.constant('read' as const), messages: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ kind: fc.constant('reconnect' as const) }),
    fc.record({
      kind: fc.constantFrom('lose' as const, 'find' as const),
      partition: fc.nat({ max: PARTITIONS - 1 }),
    }),
  ),
  { minLength: 5, maxLength: 40 },
);

test('however a stream is cut by disconnects and partitions are without a leader, it delivers what one uninterrupted filtered read does', async () => {
  const scenario = fc.record({
    steps,
    filter: fc.uniqueArray(fc.constantFrom(...ORDER_STATUSES), { maxLength: 3 }),
    ringBytes: fc.constantFrom(1, 10_000, 10_000_000),
    maxBatchSize: fc.constantFrom(1, 3, 256),
    lostBefore: fc.uniqueArray(fc.nat({ max: PARTITIONS - 1 }), { maxLength: 2 }),
    start: fc.constantFrom('latest' as const, 'earliest' as const),
  });
  await fc.assert(
    fc.asyncProperty(scenario, async (given) => {
      const log = createWatchedLog({ partitions: PARTITIONS, ringBytes: given.ringBytes });
      for (const partition of given.lostBefore) log.lose(partition);
      log.open();
      const expected: string[][] = [[], [], []];
      const delivered: string[][] = [[], [], []];
      const selection = { statuses: given.filter.map((status) => STATUS_NAMES[status]) };
      const open = (start: StartPosition) =>
        log.watch({ start, selection, heartbeatMs: 1, maxBatchSize: given.maxBatchSize });
      let stream = open({ kind: given.start });
      let { resumeToken } = await stream.next();

      const read = async () => {
        const message = await stream.next();
        ({ resumeToken } = message);
        for (const { partitionOf, eventId } of withPartition(message.events))
          delivered[partitionOf]!.push(eventId);
      };
      const isAtEnd = () => {
        const point = decodeResumeToken(resumeToken);
        return (
          point.kind === 'offsets' && log.ends().every((end, partition) => point.next[partition] === end)
        );
      };
      const partitionOfOrder = new Map<string, number>();
      const withPartition = (events: readonly { eventId: string; orderId: string }[]) =>
        events.map(({ eventId, orderId }) => ({ eventId, partitionOf: partitionOfOrder.get(orderId)! }));

      for (const step of given.steps) {
        if (step.kind === 'append') {
          const events = step.statuses.map((status) => orderEvent({ status }));
          for (const { order } of events) partitionOfOrder.set(order.orderId, step.partition);
          log.append(step.partition, events);
          const matching = events.filter(
            ({ order }) => given.filter.length === 0 || given.filter.includes(order.status),
          );
          expected[step.partition]!.push(...matching.map(({ eventId }) => eventId));
        } else if (step.kind === 'read') {
          for (let count = 0; count < step.messages; count += 1) await read();
        } else if (step.kind === 'lose') {
          log.lose(step.partition);
        } else if (step.kind === 'find') {
          log.find(step.partition);
        } else {
          await stream.close();
          stream = open({ kind: 'token', token: resumeToken });
        }
      }
      for (let partition = 0; partition < PARTITIONS; partition += 1) log.find(partition);
      while (!isAtEnd()) await read();
      await stream.close();
      assert.deepEqual(delivered, expected);
    }),
    { numRuns: 100 },
  );
});
