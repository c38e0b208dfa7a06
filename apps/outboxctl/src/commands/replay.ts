import { keyHash } from '@order-events/messaging';
import { parseDuration, parseSeq, parseSince, parseUuid } from '../argument-value.ts';
import type { Call, Command } from '../command.ts';
import { CommandError, EXIT, UsageError } from '../outcome.ts';
import { listPartitions } from '../partition-store.ts';
import { pollUntil } from '../poll-until.ts';
import {
  cancelReplay,
  listReplays,
  planReplay,
  type ReplayChoice,
  type ReplayPlan,
  type ReplayProgress,
  requestReplay,
} from '../replay-store.ts';
import { counted, durationText, textTable } from '../text-table.ts';

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
    const { length: partitionCount } = await listPartitions(call.database);
    if (partitionCount === 0) throw new CommandError('no partitions are known yet: nothing is published');
    const plan = await planReplay(call.database, choice, partitionCount);
    warnOfDroppedRows(call, choice, plan);
    if (call.flags.isSet('dry-run') || plan.toSeq === undefined || plan.events === 0) {
      call.terminal.answer(planJson(plan), planText(plan));
      return EXIT.ok;
    }
    const question = `Publish ${counted(plan.events, 'event')} again to topic ${call.topic.name}?`;
    if (!(await call.terminal.confirm(question, call.signal))) throw new CommandError('not confirmed');
    const replayId = await requestReplay(call.database, choice, plan.toSeq);
    if (replayId === undefined) {
      throw new CommandError('the partitions are being drained for a resize: replay when it is done');
    }
    const state = call.flags.isSet('no-wait')
      ? await findReplay(call, replayId)
      : await untilFinished(call, replayId, plan, timeoutMs);
    call.terminal.answer(
      { ...planJson(plan), ...state },
      state.finished_at
        ? `published ${counted(state.published_events, 'event')} again (replay ${replayId})`
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
    const replays = await listReplays(call.database, replayId, 20);
    if (replayId !== undefined && replays.length === 0)
      throw new CommandError(`there is no replay ${replayId}`);
    const table = textTable(
      ['REPLAY', 'EVENTS', 'REQUESTED AT', 'PUBLISHED', 'PARTITIONS LEFT', 'STATE'],
      replays.map((one) => [
        one.replay_id,
        choiceText(one),
        one.requested_at.toISOString(),
        one.published_events,
        one.unfinished_partitions,
        one.cancelled_at ? 'cancelled' : one.finished_at ? 'finished' : 'under way',
      ]),
    );
    call.terminal.answer({ replays }, replays.length === 0 ? 'there are no replays' : table);
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
    const cancelled = await cancelReplay(call.database, replayId);
    const state = await findReplay(call, replayId);
    call.terminal.answer(
      { ...state },
      cancelled === 0
        ? `replay ${replayId} was done already`
        : `called off in ${counted(cancelled, 'partition')}; ${counted(state.published_events, 'event')} had been published again`,
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
  const [state] = await listReplays(call.database, replayId, 1);
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
    isDone: (state) => state.finished_at !== null,
    describe: (state) =>
      `published ${state.published_events} of ${counted(plan.events, 'event')} again, ` +
      `${counted(state.unfinished_partitions, 'partition')} to go`,
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

function choiceText({ since, key, from_seq: fromSeq }: ReplayProgress): string {
  if (since)
    return `since ${since.toISOString()} (${durationText((Date.now() - since.getTime()) / 1000)} ago)`;
  return key === null ? `from seq ${fromSeq}` : `key ${key}`;
}
