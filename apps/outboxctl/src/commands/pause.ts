import { type PartitionState, readPartitions, setMode } from '@order-events/outbox';
import type { Call, Command } from '../command.ts';
import { CommandError, EXIT } from '../outcome.ts';
import { parseDuration, parsePartition } from '../argument-value.ts';
import { pollUntil } from '../poll-until.ts';
import { counted } from '../text-table.ts';

export const pause: Command = {
  name: 'pause',
  synopsis: '[partition]',
  maxPositionals: 1,
  summary: 'Stop publishing one partition, or all of them',
  details:
    'Waits until nothing of it is under way any more. Events stay in the outbox, and are published in order after\n' +
    'outboxctl resume. Orders are taken as ever.',
  options: {
    'no-wait': { type: 'boolean', help: 'do not wait for what is under way' },
    timeout: { type: 'string', value: 'duration', help: 'how long to wait (default 30s)' },
  },
  examples: ['pause', 'pause 3'],
  async run(call) {
    const wait = !call.flags.isSet('no-wait');
    const timeoutMs = parseDuration('--timeout', call.flags.text('timeout') ?? '30s');
    const chosen = await choosePartitions(call);
    const changed = await setMode(call.pool, 'paused', chosen);
    if (wait) await untilUnowned(call, chosen, timeoutMs);
    const state = (await readPartitions(call.pool)).filter(({ partition }) => chosen.includes(partition));
    const busy = state.filter(({ owned }) => owned).length;
    call.terminal.answer(
      { partitions: chosen, changed, idle: busy === 0 },
      `paused: ${counted(changed.length, 'partition')}` +
        (changed.length < chosen.length
          ? `, ${chosen.length - changed.length} had been paused already`
          : '') +
        (busy > 0 ? `; ${busy} still being given up` : ''),
    );
    return EXIT.ok;
  },
};

export const resume: Command = {
  name: 'resume',
  synopsis: '[partition]',
  maxPositionals: 1,
  summary: 'Publish one partition, or all of them, again',
  details: 'Also calls off a resize, as long as the topic has its old number of partitions.',
  examples: ['resume', 'resume 3'],
  async run(call) {
    const chosen = await choosePartitions(call);
    await refuseHalfwayResize(call);
    const changed = await setMode(call.pool, 'running', chosen);
    call.terminal.answer(
      { partitions: chosen, changed },
      `running: ${counted(chosen.length, 'partition')}, of which ${changed.length} had not been`,
    );
    return EXIT.ok;
  },
};

/** The partition that is named, or all. Throws when there is none. */
async function choosePartitions(call: Call): Promise<number[]> {
  const [text] = call.positionals;
  const known = (await readPartitions(call.pool)).map(({ partition }) => partition);
  if (known.length === 0) {
    throw new CommandError(
      'no partitions are known yet: a relay writes them down when it first finds the topic',
    );
  }
  if (text === undefined) return known;
  const partition = parsePartition(text);
  if (!known.includes(partition)) {
    throw new CommandError(`there is no partition ${partition}: the topic has 0 to ${known.length - 1}`);
  }
  return [partition];
}

async function untilUnowned(call: Call, chosen: readonly number[], timeoutMs: number): Promise<void> {
  const stillOwned = (state: readonly PartitionState[]) =>
    state.filter(({ partition, owned }) => chosen.includes(partition) && owned);
  await pollUntil({
    look: () => readPartitions(call.pool),
    isDone: (state) => stillOwned(state).length === 0,
    describe: (state) => `waiting for ${counted(stillOwned(state).length, 'partition')} to be given up`,
    leftBehind:
      'what was asked for stays so; outboxctl status shows how far it is, outboxctl resume takes it back',
    timeoutMs,
    terminal: call.terminal,
    signal: call.signal,
  });
}

/** Once the topic has more partitions, publishing by the old number would put orders into the wrong ones. */
async function refuseHalfwayResize(call: Call): Promise<void> {
  const partitions = await readPartitions(call.pool);
  if (!partitions.some(({ mode }) => mode === 'draining') || !call.topic.configured) return;
  const { partitionCount } = await call.topic.reader().describe(call.signal);
  if (partitionCount === partitions.length) return;
  throw new CommandError(
    `the topic has ${partitionCount} partitions already: finish with outboxctl resize --partitions ${partitionCount}`,
  );
}
