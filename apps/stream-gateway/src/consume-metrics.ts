import { GroupHasForeignMembersError } from '@order-events/messaging';
import { createSparingWarn, type Logger } from '@order-events/runtime';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { ConsumeObserver } from './consume/consumer.ts';
import type { WatchRegistry } from './stream/watch-registry.ts';

/** Of all that is found with one look. */
const LOGGED_UNREADABLE = 10;

/** Counts and logs what happens to subscriptions; names and help texts are what operators see. */
export function createConsumeMetrics(registry: Registry, log: Logger): ConsumeObserver {
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name, help, labelNames, registers });
  const acknowledged = counter(
    'stream_events_acknowledged_total',
    'Events that consumers have acknowledged.',
  );
  const commits = counter('stream_commits_total', 'Commits of acknowledgements, by what became of them.', [
    'outcome',
  ]);
  const missed = counter(
    'stream_subscription_missed_events_total',
    'Events that Kafka had dropped before a subscription was sent them.',
  );
  const groupFailures = counter(
    'stream_group_failures_total',
    'Requests about consumer groups that failed and were tried again.',
  );
  const warnOfCommit = createSparingWarn(log);
  const warnOfGroup = createSparingWarn(log);
  const warnOfOlder = createSparingWarn(log);
  return {
    acknowledged: (events) => acknowledged.inc(events),
    committed(outcome, error) {
      commits.inc({ outcome: outcome.replace(' ', '_') });
      if (outcome === 'failed')
        warnOfCommit({ reason: error }, 'acknowledgements could not be stored, trying on');
    },
    missed(subscription, events) {
      missed.inc(Number(events));
      log.error(
        { subscription, events: String(events) },
        'the log does not have the place of a subscription any more: it goes on with the oldest events',
      );
    },
    groupFailed(subscription, error) {
      groupFailures.inc();
      const text =
        error instanceof GroupHasForeignMembersError
          ? 'a consumer group has members that are none of its subscription: its streams cannot join'
          : 'a consumer group cannot be reached, trying on';
      warnOfGroup({ reason: error, subscription }, text);
    },
    heldUnreadable(subscription, unreadable) {
      for (const { partition, offset, eventId, reason } of unreadable.slice(0, LOGGED_UNREADABLE)) {
        log.error(
          { subscription, partition, offset: String(offset), eventId, reason },
          'a record of held events cannot be read: the share of its partition waits while it is of an event',
        );
      }
    },
    waitsForOlder(subscription) {
      warnOfOlder(
        { subscription },
        'streams wait until those of the same subscription at older gateways have ended',
      );
    },
  };
}

/** Open streams of subscriptions, read when they are asked for. */
export function registerConsumerGauge(registry: Registry, watches: Pick<WatchRegistry, 'list'>): void {
  new Gauge({
    name: 'stream_consumers',
    help: 'Open streams of subscriptions; waiting: has no orders assigned at present.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const counts = { waiting: 0, 'catching up': 0, live: 0 };
      for (const { subscription, state } of watches.list()) if (subscription !== '') counts[state] += 1;
      for (const [state, count] of Object.entries(counts))
        this.set({ state: state.replace(' ', '_') }, count);
    },
  });
}

/** What is held of orders whose events were rejected, over all streams of this process. */
export function registerHeldGauges(registry: Registry, watches: Pick<WatchRegistry, 'list'>): void {
  const registers = [registry];
  const views = () => [...watches.list()].flatMap(({ held }) => held ?? []);
  new Gauge({
    name: 'stream_held_events',
    help: 'Events of held orders: set_aside: the first of an order that waits for a decision; waiting: all others.',
    labelNames: ['state'],
    registers,
    collect() {
      const records = views().flatMap((view) => view.records());
      const setAside = records.filter(({ state }) => state.isSetAside).length;
      this.set({ state: 'set_aside' }, setAside);
      this.set({ state: 'waiting' }, records.length - setAside);
    },
  });
  new Gauge({
    name: 'stream_held_full_partitions',
    help: 'Partitions of subscriptions that wait since as much is held of them as may be.',
    registers,
    collect() {
      this.set(views().reduce((sum, view) => sum + view.fullPartitions(), 0));
    },
  });
  new Gauge({
    name: 'stream_held_unreadable_records',
    help: 'Records of what may be held that cannot be read; while one is of an event, the share of its partition waits.',
    registers,
    collect() {
      this.set(views().reduce((sum, view) => sum + view.unreadableRecords(), 0));
    },
  });
}
