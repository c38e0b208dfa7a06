import { enlargeHeldTopic, ensurePartitionCount, recordPartitionChange } from '@order-events/messaging';
import {
  type LiveRelay,
  type PartitionState,
  readIdentity,
  readLiveRelays,
  readPartitions,
  setMode,
} from '@order-events/outbox';
import {
  commonCursor,
  finishResize,
  giveLastWindow,
  isDrained,
  refuseUnfinishedReplays,
} from '@order-events/outbox/repair';
import { kafkaConnection } from '@order-events/runtime';
import { parseDuration, parsePositive } from '../argument-value.ts';
import type { Call, Command } from '../command.ts';
import { databaseFindings } from '../identity-check.ts';
import { CommandError, EXIT, UsageError } from '../outcome.ts';
import { pollUntil } from '../poll-until.ts';
import { counted } from '../text-table.ts';

export const resize: Command = {
  name: 'resize',
  synopsis: '--partitions <n>',
  summary: 'Give the topic more partitions, with the order of each key kept',
  details:
    'Lets the relays publish all that is committed and then nothing more, adds the partitions, and goes on. Orders are taken\n' +
    'meanwhile. A key may move to another partition: consumers that keep state per partition must know. When it is interrupted,\n' +
    'run it again; until the topic has its new partitions, outboxctl resume calls it off.',
  options: {
    partitions: { type: 'string', value: 'n', help: 'how many there will be; more than now' },
    timeout: { type: 'string', value: 'duration', help: 'how long each step may take (default 10m)' },
  },
  examples: ['resize --partitions 24'],
  async run(call) {
    const text = call.flags.text('partitions');
    if (text === undefined) throw new UsageError('say how many: --partitions 24');
    const wanted = parsePositive('--partitions', text);
    const timeoutMs = parseDuration('--timeout', call.flags.text('timeout') ?? '10m');
    const present = await readPartitions(call.pool);
    const inTopic = (await call.topic.reader().describe(call.signal)).partitionCount;
    if (present.length === wanted && inTopic === wanted) {
      return answer(call, wanted, wanted, `the topic has ${counted(wanted, 'partition')} already`);
    }
    await refuseUnlessPossible(call, present, inTopic, wanted);
    const question =
      `Change topic ${call.topic.name} from ${present.length} to ${wanted} partitions?\n` +
      'Kafka cannot take them away again, and keys move to other partitions.';
    if (!(await call.terminal.confirm(question, call.signal))) throw new CommandError('not confirmed');
    const cursor = inTopic === wanted ? halfwayCursor(present) : await drain(call, timeoutMs);
    await addPartitions(call, present.length, wanted, timeoutMs);
    await finishResize(call.pool, cursor, wanted);
    return answer(call, present.length, wanted, `the topic has ${counted(wanted, 'partition')} now`);
  },
};

function answer(call: Call, former: number, partitions: number, text: string) {
  call.terminal.answer({ former_partitions: former, partitions }, text);
  return EXIT.ok;
}

async function refuseUnlessPossible(
  call: Call,
  present: readonly PartitionState[],
  inTopic: number,
  wanted: number,
): Promise<void> {
  if (present.length === 0) {
    throw new CommandError(
      'no partitions are known yet: a relay writes them down when it first finds the topic',
    );
  }
  if (wanted < Math.max(present.length, inTopic)) {
    throw new UsageError(`the topic has ${inTopic} partitions, and Kafka cannot take any away`);
  }
  if (inTopic !== present.length && inTopic !== wanted) {
    throw new CommandError(
      `the topic has ${inTopic} partitions and the cursors are for ${present.length}: ` +
        `finish with outboxctl resize --partitions ${inTopic} first, or outboxctl rebase`,
    );
  }
  const stored = await readIdentity(call.pool);
  const [found] = await databaseFindings(call, stored);
  if (found) throw new CommandError(found.text.replaceAll('`', ''));
  await refuseUnfinishedReplays(call.pool);
}

/** Where a resize that was interrupted after the topic got its partitions goes on. */
function halfwayCursor(present: readonly PartitionState[]): string {
  const cursor = commonCursor(present);
  if (cursor !== undefined) return cursor;
  throw new CommandError(
    'the topic got its partitions from somebody else, before the outbox was drained: outboxctl rebase makes the cursors anew',
  );
}

/** Lets the relays publish everything up to one snapshot and nothing more; answers the snapshot. */
async function drain(call: Call, timeoutMs: number): Promise<string> {
  await setMode(call.pool, 'draining', undefined);
  for (;;) {
    await waitFor(call, timeoutMs, isDrained);
    const target = await giveLastWindow(call.pool);
    if (target === undefined) continue;
    await waitFor(call, timeoutMs, (state) => commonCursor(state) === target);
    return target;
  }
}

/**
 * Nothing is published between the drain and finishResize, so the ends of the partitions are where the former mapping ends. They are
 * stored before the change: whoever sees the new partitions finds them. When it is done once more, they are the same.
 */
async function addPartitions(
  call: Call,
  former: number,
  partitions: number,
  timeoutMs: number,
): Promise<void> {
  call.terminal.progress('adding the partitions to the topic');
  const connection = { ...kafkaConnection(call.config), clientId: 'outboxctl' };
  const { name: topic } = call.topic;
  const signal = AbortSignal.any([call.signal, AbortSignal.timeout(timeoutMs)]);
  const reader = call.topic.reader();
  const { topicId } = await reader.describe(signal);
  const ends = await reader.offsets('latest', [...Array(former).keys()], signal);
  const change = {
    formerCount: former,
    count: partitions,
    ends: Array.from({ length: former }, (_, partition) => ends.get(partition) ?? 0n),
    changedAt: new Date(),
  };
  await recordPartitionChange(connection, { topic, topicId, change }, signal);
  // First: a stream that has a new partition may have something to hold of it at once.
  await enlargeHeldTopic(connection, { topic, partitions }, signal);
  await ensurePartitionCount(connection, { topic, partitions }, signal);
}

async function waitFor(
  call: Call,
  timeoutMs: number,
  isDone: (partitions: readonly PartitionState[]) => boolean,
): Promise<void> {
  await pollUntil({
    look: async () => ({
      partitions: await readPartitions(call.pool),
      relays: await readLiveRelays(call.pool, call.config.RELAY_LEASE_MS),
    }),
    isDone: ({ partitions }) => isDone(partitions),
    describe: drainingText,
    leftBehind:
      'nothing is published meanwhile: run outboxctl resize again to go on, or outboxctl resume to call it off',
    timeoutMs,
    terminal: call.terminal,
    signal: call.signal,
  });
}

function drainingText(state: {
  partitions: readonly PartitionState[];
  relays: readonly LiveRelay[];
}): string {
  const busy = state.partitions.filter(({ owned, paging }) => owned || paging).length;
  const stopped = state.partitions.filter(({ mode }) => mode !== 'draining').length;
  if (stopped > 0) return `${counted(stopped, 'partition')} were taken out of draining: run it again`;
  const nobody = state.relays.length === 0 ? '; no relay is alive to do it: start one' : '';
  return `waiting for ${counted(busy, 'partition')} to publish what is committed${nobody}`;
}
