import { parseDuration } from '../argument-value.ts';
import { type PartitionState, readPartitions, readSystemIdentifier, setMode } from '@order-events/outbox';
import {
  type NewIdentity,
  previewRebase,
  rebaseOutbox,
  type RebaseResult,
} from '@order-events/outbox/repair';
import type { Call, Command } from '../command.ts';
import { CommandError, EXIT } from '../outcome.ts';
import { pollUntil } from '../poll-until.ts';
import { counted, textTable } from '../text-table.ts';
import { refuseHarmfulSettings } from '../topic-settings.ts';
import { unreadableJson, unreadableText } from '../unreadable-parts.ts';

export const rebase: Command = {
  name: 'rebase',
  summary: 'Make all cursors anew from what the topic holds',
  details:
    'For a database that was restored or failed over, a topic with another name or number of partitions, and for events that\n' +
    'outboxctl verify misses. Pauses all partitions, reads the whole topic, and then lets the relays publish every event of\n' +
    'the outbox that the topic lacks. All partitions run afterwards. Run again, it does the same again: nothing twice.',
  options: {
    'dry-run': { type: 'boolean', help: 'only count what would be published' },
    timeout: {
      type: 'string',
      value: 'duration',
      help: 'how long to wait for the relays to pause (default 60s)',
    },
  },
  examples: ['rebase --dry-run', 'rebase'],
  async run(call) {
    const timeoutMs = parseDuration('--timeout', call.flags.text('timeout') ?? '60s');
    const dryRun = call.flags.isSet('dry-run');
    await refuseHarmfulSettings(call);
    const { clusterId, topicId, partitionCount } = await call.topic.reader().describe(call.signal);
    const identity: NewIdentity = {
      systemIdentifier: await readSystemIdentifier(call.pool),
      clusterId,
      topic: call.topic.name,
      topicId,
      partitionCount,
    };
    if (!dryRun) await confirmAndPause(call, timeoutMs);
    const result = dryRun ? await preview(call, partitionCount) : await carryOut(call, identity);
    call.terminal.answer(resultJson(identity, result, dryRun), resultText(result, dryRun));
    if (!dryRun && result.unpublished > 0) {
      call.terminal.say(
        'the relays publish them now: outboxctl status shows how far they are, outboxctl verify the end',
      );
    }
    return EXIT.ok;
  },
};

async function confirmAndPause(call: Call, timeoutMs: number): Promise<void> {
  const question =
    `Pause all relays, and make the cursors of this database anew from topic ${call.topic.name}?\n` +
    'outboxctl rebase --dry-run tells what would be published.';
  if (!(await call.terminal.confirm(question, call.signal))) throw new CommandError('not confirmed');
  await setMode(call.pool, 'paused', undefined);
  const owned = (state: readonly PartitionState[]) => state.filter(({ owned }) => owned).length;
  await pollUntil({
    look: () => readPartitions(call.pool),
    isDone: (state) => owned(state) === 0,
    describe: (state) => `waiting for ${counted(owned(state), 'partition')} to be given up`,
    leftBehind: LEFT_PAUSED,
    timeoutMs,
    terminal: call.terminal,
    signal: call.signal,
  });
}

async function carryOut(call: Call, identity: NewIdentity): Promise<RebaseResult> {
  try {
    return await rebaseOutbox(partsOf(call), identity);
  } catch (error) {
    call.terminal.say(LEFT_PAUSED);
    throw error;
  }
}

async function preview(call: Call, partitionCount: number): Promise<RebaseResult> {
  const known = (await readPartitions(call.pool)).length;
  return previewRebase(partsOf(call), known || partitionCount);
}

function partsOf(call: Call) {
  return {
    pool: call.pool,
    reader: call.topic.reader(),
    onProgress: (text: string) => call.terminal.progress(text),
    signal: call.signal,
  };
}

const LEFT_PAUSED =
  'nothing is changed but that all partitions are paused: run outboxctl rebase again, or outboxctl resume';

function resultJson(identity: NewIdentity, result: RebaseResult, dryRun: boolean) {
  return {
    dry_run: dryRun,
    topic: identity.topic,
    topic_id: identity.topicId,
    system_identifier: identity.systemIdentifier,
    partitions: identity.partitionCount,
    held: result.held,
    set_aside: result.setAside,
    expired: result.expired,
    unpublished: result.unpublished,
    only_in_topic: result.onlyInTopic,
    unparked_events: result.unparked,
    cancelled_replays: result.cancelledReplays,
    unreadable_batches: unreadableJson(result.unreadable),
    renumbered: result.renumbered,
  };
}

function resultText(result: RebaseResult, dryRun: boolean): string {
  const counts = textTable(
    ['EVENTS OF THE OUTBOX', 'COUNT'],
    [
      ['in the topic', result.held],
      ['parked or discarded', result.setAside],
      ['older than the topic', result.expired],
      [dryRun ? 'would be published' : 'to be published', result.unpublished],
      ['only in the topic (lost here, or dropped)', result.onlyInTopic],
      ['parked, and in the topic by now', result.unparked],
      ...(result.renumbered > 0 ? [['numbered anew: the sequence was behind', result.renumbered]] : []),
    ],
  );
  return [counts, ...unreadableText(result.unreadable)].join('\n\n');
}
