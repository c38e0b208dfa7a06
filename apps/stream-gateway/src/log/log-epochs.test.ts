import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import type { LogReader } from '@order-events/messaging';
import fc from 'fast-check';
import { type EpochStep, runEpochs } from '../../testing/epoch-history.ts';
import type { GatewayParts } from '../../testing/simulated-gateway.ts';
import type { SimulatedKafka } from '../../../../packages/messaging/testing/simulated-kafka.ts';
import type { WireRequest } from '../../../../packages/messaging/src/wire/wire-request.ts';
import { virtualTime } from '../../testing/virtual-time.ts';
import { withRecorded } from './layout-check.ts';
import type { OrderLog } from './order-log.ts';

/** Any other finds other histories, and takes as long. */
const SEED = Number(process.env['EPOCH_SEED'] ?? 1);
const RUNS = Number(process.env['EPOCH_RUNS'] ?? 40);
const any = fc.nat({ max: 60 });
const kind = <Kind extends string>(name: Kind) => fc.constant(name);
const step: fc.Arbitrary<EpochStep> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: kind('append'),
      order: fc.nat({ max: 9 }),
      count: fc.integer({ min: 1, max: 12 }),
    }),
  },
  { weight: 10, arbitrary: fc.record({ kind: kind('wait'), ms: fc.constantFrom(10, 40, 300, 2_500) }) },
  {
    weight: 8,
    arbitrary: fc.record({ kind: kind('open'), gateway: any, start: any, allowGap: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ kind: kind('close'), stream: any }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: kind('delete'), partition: any, share: fc.constantFrom(0.3, 0.7, 1) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: kind('truncate'), partition: any, lost: fc.integer({ min: 1, max: 6 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: kind('recreate'),
      partitions: fc.integer({ min: 1, max: 4 }),
      absentMs: fc.constantFrom(0, 10, 800),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: kind('add partitions'), count: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: kind('move leader'), partition: any, node: any }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('consume'), gateway: any }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: kind('stall'), stream: any, ms: fc.constantFrom(40, 300, 2_500) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: kind('start gateway') }) },
);

const all = (count: number): EpochStep[] =>
  Array.from({ length: 10 }, (_, order) => ({ kind: 'append', order, count }));
const open = (start: number): EpochStep => ({ kind: 'open', gateway: 0, start, allowGap: true });
const wait = (ms: number): EpochStep => ({ kind: 'wait', ms });

/** Histories that are rare by chance. */
const EXAMPLES: [EpochStep[]][] = [
  // What was recorded about partitions is of a topic that is gone.
  [
    [
      ...all(5),
      { kind: 'add partitions', count: 2 },
      wait(2_500),
      { kind: 'recreate', partitions: 4, absentMs: 0 },
      ...all(1),
    ],
  ],
  // The log loses its end before the tail has come there.
  [[{ kind: 'append', order: 0, count: 12 }, wait(20), open(1), { kind: 'truncate', partition: 0, lost: 2 }]],
  [
    [
      { kind: 'append', order: 0, count: 4 },
      wait(300),
      open(1),
      wait(40),
      { kind: 'truncate', partition: 0, lost: 2 },
    ],
  ],
  // And after it was recorded where it ended.
  [
    [
      ...all(2),
      { kind: 'add partitions', count: 2 },
      { kind: 'truncate', partition: 0, lost: 3 },
      { kind: 'truncate', partition: 1, lost: 3 },
      ...all(1),
      open(0),
    ],
  ],
  // Or while it is.
  [
    [
      { kind: 'append', order: 2, count: 1 },
      { kind: 'add partitions', count: 2 },
      { kind: 'append', order: 2, count: 1 },
      { kind: 'truncate', partition: 1, lost: 1 },
      { kind: 'append', order: 0, count: 1 },
      wait(10),
      { kind: 'add partitions', count: 1 },
      wait(20),
    ],
  ],
  // What is not in memory any more was read before the log was cut, and is read again.
  [
    [
      ...all(6),
      wait(2_500),
      open(0),
      wait(2_500),
      { kind: 'truncate', partition: 0, lost: 20 },
      { kind: 'truncate', partition: 1, lost: 20 },
      ...all(10),
      wait(2_500),
      open(0),
    ],
  ],
  // A slow client comes back to a log that was cut and has grown past it.
  [
    [
      { kind: 'append', order: 0, count: 6 },
      wait(300),
      open(0),
      wait(40),
      { kind: 'stall', stream: 0, ms: 2_500 },
      { kind: 'append', order: 0, count: 1 },
      wait(300),
      { kind: 'truncate', partition: 0, lost: 4 },
      { kind: 'truncate', partition: 1, lost: 4 },
      { kind: 'append', order: 0, count: 12 },
    ],
  ],
  // A slow member does.
  [
    [
      { kind: 'append', order: 0, count: 6 },
      wait(300),
      { kind: 'consume', gateway: 0 },
      wait(40),
      { kind: 'stall', stream: 0, ms: 2_500 },
      { kind: 'append', order: 0, count: 1 },
      wait(300),
      { kind: 'truncate', partition: 0, lost: 4 },
      { kind: 'truncate', partition: 1, lost: 4 },
      { kind: 'append', order: 0, count: 12 },
    ],
  ],
];

function anyHistory(t: TestContext, parts: GatewayParts = {}) {
  const time = virtualTime(t);
  return fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }), (steps) =>
    runEpochs(steps, time, parts),
  );
}

test('whatever becomes of a topic, no stream is given what belongs to a log that is gone, nor misses untold what is there', async (t) => {
  await fc.assert(anyHistory(t), { seed: SEED, numRuns: RUNS, examples: EXAMPLES });
});

/** What does not forget with the epoch. */
const MUTANTS: Readonly<Record<string, GatewayParts>> = {
  'keeps blocks of history': {
    history({ read, join }) {
      return {
        read: (_epoch, partition, offset) => read(0, partition, offset),
        join() {
          const along = join();
          return { ...along, read: (_epoch, places) => along.read(0, places) };
        },
      };
    },
  },
  'never says that the log has changed': { log: (log) => ({ ...log, epoch: () => 0 }) },
  'keeps the ends of a log that was truncated': {
    log: (log) => ({
      ...log,
      restart: (partition, offset) => {
        const end = log.end(partition);
        log.restart(partition, offset);
        log.extendEnds(
          Array.from({ length: partition + 1 }, (_, each) => (each === partition ? end : undefined)),
        );
      },
      cut: () => {},
    }),
  },
  'does not look whether the log was truncated before it was read': {
    log: (log) => ({ ...log, cut: () => {} }),
  },
  'keeps the layout of a topic that was created again': {
    log: (log) => ({
      ...log,
      cut: () => {},
      setLayout: (layout) => log.setLayout(withRecorded(log.layout(), layout)),
    }),
  },
  'reads on in a topic that was created again': {
    log: (log) => ({
      ...log,
      open: (id, ...rest) => log.open(log.topic()?.id ?? id, ...rest),
    }),
  },
  'asks for the ends once': {
    reader: (reader) => {
      let ends: ReturnType<LogReader['ends']> | undefined;
      return { ...reader, ends: (signal) => (ends ??= reader.ends(signal)) };
    },
  },
  'asks for the leaders once': { connect: withFirstMetadata },
  'knows leaders without their epochs': { connect: withoutEpochs },
  'does not look for members whether a log that has grown was cut': {
    memberLog: (log) => ({ ...log, hasCutBelow: () => false }),
  },
  'never says to members that the log has changed': {
    memberLog: (log) => ({ ...log, epoch: () => 0 }),
  },
  'lets members read on in a topic that was created again': { memberLog: withFirstTopic },
  'does not look whether a log that has grown was cut': {
    log: (log) => ({ ...log, hasCutBelow: () => false }),
  },
};

function withFirstTopic(log: OrderLog): OrderLog {
  let first: string | undefined;
  return {
    ...log,
    topic() {
      const topic = log.topic();
      first ??= topic?.id;
      return topic && first !== undefined ? { ...topic, id: first } : topic;
    },
  };
}

/** The topic as it was seen first. */
function withFirstMetadata(connect: SimulatedKafka['connect']): SimulatedKafka['connect'] {
  let metadata: unknown;
  return async (...given) => {
    const connection = await connect(...given);
    return {
      ...connection,
      async send<T>(wire: WireRequest<T>, signal?: AbortSignal): Promise<T> {
        if (wire.request.apiName !== 'Metadata') return connection.send(wire, signal);
        return (metadata ??= await connection.send(wire, signal)) as T;
      },
    };
  };
}

function withoutEpochs(connect: SimulatedKafka['connect']): SimulatedKafka['connect'] {
  return async (...given) => {
    const connection = await connect(...given);
    return {
      ...connection,
      async send<T>(wire: WireRequest<T>, signal?: AbortSignal): Promise<T> {
        const answer = await connection.send(wire, signal);
        return wire.request.apiName === 'Metadata' ? { ...answer, leaderEpochs: [] } : answer;
      },
    };
  };
}

for (const [name, parts] of Object.entries(MUTANTS)) {
  test(`rejected: a gateway that ${name}`, async (t) => {
    const { failed, numRuns, errorInstance } = await fc.check(anyHistory(t, parts), {
      seed: SEED,
      numRuns: RUNS,
      examples: EXAMPLES,
      endOnFailure: true,
    });
    assert.ok(failed);
    t.diagnostic(`${numRuns} histories: ${String(errorInstance)}`);
  });
}
