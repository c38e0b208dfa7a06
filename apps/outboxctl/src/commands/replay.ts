import { keyHash } from '@order-events/messaging';
import {
  cancelReplay,
  listReplays,
  planReplay,
  readPartitions,
  type ReplayChoice,
  type ReplayPlan,
  type ReplayProgress,
  requestReplay,
} from '@order-events/outbox';
import { durationText } from '@order-events/runtime';
import { parseDuration, parseSeq, parseSince, parseUuid } from '../argument-value.ts';
import type { Call, Command } from '../command.ts';
import { refuseForeignCursors } from '../identity-check.ts';
import { CommandError, EXIT, UsageError } from '../outcome.ts';
import { pollUntil } from '../poll-until.ts';
import { counted, textTable } from '../text-table.ts';
import { refuseHarmfulSettings } from '../topic-settings.ts';

export const replay: Command = {
  name: 'replay',
  synopsis: '--since <time> | --key <key> | --from-seq <n>',
  summary: 'Publish events again that were published before',
  details:
    'In seq order, with a header replay_id, between the new events. The owners of the partitions carry it out; the outbox\n' +
    'must still have the rows. Consumers see the events again: they must be idempotent, or look at the header.',
  options: {
    since: { type: 'string', value: 'time', help: 'events created since a time, or for a duration: 2h' },
    key: { type: 'string', value: 'key', help: 'events of one key (order id)' },
    'from-seq': { type: 'string', value: 'n', help: 'events from a seq of the outbox on' },
    'dry-run': { type: 'boolean', help: 'only count' },
    'no-wait': { type: 'boolean', help: 'do not wait for the owners' },
    timeout: { type: 'string', value: 'duration', help: 'how long to wait (default 1h)' },
  },
  examples: ['replay --since 2h --dry-run', 'replay --key 4f5c2d0e-… --yes'],
  async run(call) {
    const timeoutMs = parseDuration('--timeout', call.flags.text('timeout') ?? '1h');
    const choice = chosenEvents(call);
    const { length: partitionCount } = await readPartitions(call.pool);
    if (partitionCount === 0) throw new CommandError('no partitions are known yet: nothing is published');
    await refuseForeignCursors(call);
    await refuseHarmfulSettings(call);
    const plan = await planReplay(call.pool, choice, partitionCount);
    warnOfDroppedRows(call, choice, plan);
    if (call.flags.isSet('dry-run') || plan.toSeq === undefined || plan.events === 0) {
      call.terminal.answer(planJson(plan), planText(plan));
      return EXIT.ok;
    }
    const question = `Publish ${counted(plan.events, 'event')} again to topic ${call.topic.name}?`;
    if (!(await call.terminal.confirm(question, call.signal))) throw new CommandError('not confirmed');
    const replayId = await requestReplay(call.pool, choice, plan.toSeq);
    if (replayId === undefined) {
      throw new CommandError('the partitions are being drained for a resize: replay when it is done');
    }
    const state = call.flags.isSet('no-wait')
      ? await findReplay(call, replayId)
      : await untilFinished(call, replayId, plan, timeoutMs);
    call.terminal.answer(
      { ...planJson(plan), ...progressJson(state) },
      state.finishedAt
        ? `published ${counted(state.publishedEvents, 'event')} again (replay ${replayId})`
        : `requested replay ${replayId}: outboxctl replay status ${replayId}`,
    );
    return EXIT.ok;
  },
};

export const replayStatus: Command = {
  name: 'replay status',
  synopsis: '[replay id]',
  maxPositionals: 1,
  summary: 'Show how far replays are',
  details: 'The newest 20, or the one that is named.',
  examples: ['replay status'],
  async run(call) {
    const [id] = call.positionals;
    const replayId = id === undefined ? undefined : parseUuid('the replay id', id);
    const replays = await listReplays(call.pool, replayId, 20);
    if (replayId !== undefined && replays.length === 0)
      throw new CommandError(`there is no replay ${replayId}`);
    const table = textTable(
      ['REPLAY', 'EVENTS', 'REQUESTED AT', 'PUBLISHED', 'PARTITIONS LEFT', 'STATE'],
      replays.map((one) => [
        one.replayId,
        choiceText(one),
        one.requestedAt.toISOString(),
        one.publishedEvents,
        one.unfinishedPartitions,
        one.cancelledAt ? 'cancelled' : one.finishedAt ? 'finished' : 'under way',
      ]),
    );
    call.terminal.answer(
      { replays: replays.map(progressJson) },
      replays.length === 0 ? 'there are no replays' : table,
    );
    return EXIT.ok;
  },
};

export const replayCancel: Command = {
  name: 'replay cancel',
  synopsis: '<replay id>',
  maxPositionals: 1,
  summary: 'Call a replay off',
  details: 'What is published again by then stays published.',
  examples: ['replay cancel 0b0d8f0e-6d4d-4b53-9c61-2b5f0c8f3a52'],
  async run(call) {
    const [id] = call.positionals;
    if (id === undefined) throw new UsageError('name the replay: outboxctl replay status lists them');
    const replayId = parseUuid('the replay id', id);
    const cancelled = await cancelReplay(call.pool, replayId);
    const state = await findReplay(call, replayId);
    call.terminal.answer(
      progressJson(state),
      cancelled === 0
        ? `replay ${replayId} was done already`
        : `called off in ${counted(cancelled, 'partition')}; ${counted(state.publishedEvents, 'event')} had been published again`,
    );
    return EXIT.ok;
  },
};

function chosenEvents({ flags }: Call): ReplayChoice {
  const since = flags.text('since');
  const key = flags.text('key');
  const fromSeq = flags.text('from-seq');
  if ([since, key, fromSeq].filter((value) => value !== undefined).length !== 1) {
    throw new UsageError('say which events: one of --since, --key and --from-seq');
  }
  if (since !== undefined) return { since: parseSince('--since', since, new Date()) };
  if (key !== undefined) return { key, keyHash: keyHash(key) };
  return { fromSeq: parseSeq('--from-seq', fromSeq ?? '') };
}

function warnOfDroppedRows(call: Call, choice: ReplayChoice, { retainedFrom }: ReplayPlan): void {
  if (!('since' in choice) || !retainedFrom || retainedFrom <= choice.since) return;
  call.terminal.say(
    `the outbox begins at ${retainedFrom.toISOString()}: what is older cannot be published again`,
  );
}

async function findReplay(call: Call, replayId: string): Promise<ReplayProgress> {
  const [state] = await listReplays(call.pool, replayId, 1);
  if (!state) throw new CommandError(`there is no replay ${replayId}`);
  return state;
}

function untilFinished(
  call: Call,
  replayId: string,
  plan: ReplayPlan,
  timeoutMs: number,
): Promise<ReplayProgress> {
  return pollUntil({
    look: () => findReplay(call, replayId),
    isDone: (state) => state.finishedAt !== undefined,
    describe: (state) =>
      `published ${state.publishedEvents} of ${counted(plan.events, 'event')} again, ` +
      `${counted(state.unfinishedPartitions, 'partition')} to go`,
    leftBehind: `the replay goes on: outboxctl replay status ${replayId}, or replay cancel ${replayId}`,
    timeoutMs,
    terminal: call.terminal,
    signal: call.signal,
  });
}

function planJson(plan: ReplayPlan) {
  return { events: plan.events, to_seq: plan.toSeq ?? null, shares: plan.shares };
}

function planText(plan: ReplayPlan): string {
  if (plan.events === 0) return 'no published event fits: nothing to publish again';
  const rows = plan.shares.map(({ partition, events }) => [partition, events]);
  return `${textTable(['PARTITION', 'EVENTS'], rows)}\n\n${counted(plan.events, 'event')} would be published again`;
}

function choiceText({ since, key, fromSeq }: ReplayProgress): string {
  if (since)
    return `since ${since.toISOString()} (${durationText((Date.now() - since.getTime()) / 1000)} ago)`;
  return key === undefined ? `from seq ${fromSeq}` : `key ${key}`;
}

function progressJson(replay: ReplayProgress) {
  return {
    replay_id: replay.replayId,
    since: replay.since ?? null,
    key: replay.key ?? null,
    from_seq: replay.fromSeq ?? null,
    to_seq: replay.toSeq,
    requested_at: replay.requestedAt,
    cancelled_at: replay.cancelledAt ?? null,
    published_events: replay.publishedEvents,
    partitions: replay.partitions,
    unfinished_partitions: replay.unfinishedPartitions,
    finished_at: replay.finishedAt ?? null,
  };
}
