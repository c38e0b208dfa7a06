import type { EffectiveSettings } from './effective-settings.ts';

/**
 * - `halt`: what is published now could be lost or doubled: nothing is, until it is mended.
 * - `fault`: events cannot be published, or go before they can be read.
 * - `notice`: a promise ends earlier than it could; somebody may want it so.
 */
export interface SettingFinding {
  /** For programs. */
  readonly name: SettingFindingName;
  readonly severity: 'halt' | 'fault' | 'notice';
  /** The setting, what it ends, and what mends it. */
  readonly text: string;
  /** Empty: it holds no partition up; absent: it holds up all of them. */
  readonly partitions?: readonly [];
}

export type SettingFindingName =
  | 'topic-compacted'
  | 'too-few-replicas'
  | 'short-retention'
  | 'short-transactions'
  | 'short-producer-memory'
  | 'unclean-election'
  | 'one-copy'
  | 'writers-time'
  | 'retention-by-size'
  | 'small-messages'
  | 'settings-unknown';

type Rule = (settings: EffectiveSettings) => SettingFinding | undefined;

const HOUR_MS = 3_600_000;
/** An owner that takes over reads back what was published since the last checkpoint, which may be as old as an outage. */
const LEAST_RETENTION_MS = HOUR_MS;
/** Kafka's default; batches and ordinary events are made to fit it. */
const USUAL_MESSAGE_BYTES = 1_048_588;
/** An owner makes the broker remember it anew within six hours. */
const LEAST_PRODUCER_EXPIRATION_MS = 12 * HOUR_MS;
const LEAST_TRANSACTION_TIMEOUT_MS = 1_000;

/** What of the settings ends a promise, worst first. docs/guarantees.md has the table. */
export function reviewSettings(settings: EffectiveSettings): SettingFinding[] {
  return RULES.flatMap((rule) => rule(settings) ?? []).map((finding) =>
    STOPPING.has(finding.name) ? finding : { ...finding, partitions: [] },
  );
}

/** Nothing is published for as long as they last. */
const STOPPING: ReadonlySet<SettingFindingName> = new Set(['topic-compacted', 'short-transactions']);

const RULES: readonly Rule[] = [
  ({ topic }) =>
    topic?.get('cleanup.policy')?.includes('compact')
      ? {
          name: 'topic-compacted',
          severity: 'halt',
          text:
            `cleanup.policy is "${topic.get('cleanup.policy')}": Kafka deletes all but the last event of each order, and what a ` +
            'take-over must find; set cleanup.policy=delete on the topic',
        }
      : undefined,
  ({ topic }) => {
    const retentionMs = numberOf(topic, 'retention.ms');
    if (retentionMs === undefined || retentionMs < 0 || retentionMs >= LEAST_RETENTION_MS) return undefined;
    return {
      name: 'short-retention',
      severity: 'fault',
      text:
        `retention.ms is ${retentionMs}, less than an hour: events go before subscribers that were away have read them, and a relay ` +
        'that takes over late may publish some again; set it to the longest absence, as 604800000',
    };
  },
  ({ broker }) => {
    const mostMs = numberOf(broker, 'transaction.max.timeout.ms');
    if (mostMs === undefined || mostMs >= LEAST_TRANSACTION_TIMEOUT_MS) return undefined;
    return {
      name: 'short-transactions',
      severity: 'fault',
      text: `transaction.max.timeout.ms of the brokers is ${mostMs}: no relay can take a partition over; set it to at least 1000`,
    };
  },
  ({ broker }) => {
    const ms = numberOf(broker, 'producer.id.expiration.ms');
    if (ms === undefined || ms >= LEAST_PRODUCER_EXPIRATION_MS) return undefined;
    return {
      name: 'short-producer-memory',
      severity: 'notice',
      text:
        `producer.id.expiration.ms of the brokers is ${ms}: they forget who may write to a quiet partition before a relay tells them ` +
        `again; a relay that was frozen for so long may double events; set it to at least ${LEAST_PRODUCER_EXPIRATION_MS}`,
    };
  },
  ({ topic, replicationFactor }) => {
    const least = numberOf(topic, 'min.insync.replicas');
    if (least === undefined || least <= replicationFactor) return undefined;
    return {
      name: 'too-few-replicas',
      // Kafka goes by the smaller number (3.9.2 and 4.3.1 do); where it takes nothing, what it refuses is told.
      severity: 'notice',
      text:
        `min.insync.replicas is ${least} and the topic has ${replicationFactor} replicas: events that Kafka has acknowledged have ` +
        'fewer copies than were asked for; add replicas, or set it lower',
    };
  },
  ({ topic }) =>
    topic?.get('unclean.leader.election.enable') === 'true'
      ? {
          name: 'unclean-election',
          severity: 'notice',
          text:
            'unclean.leader.election.enable is true: when brokers fail, Kafka may drop events that it has acknowledged; set it to false ' +
            'on the topic',
        }
      : undefined,
  ({ topic, replicationFactor, brokerCount }) => {
    const least = numberOf(topic, 'min.insync.replicas');
    if (brokerCount < 2 || (replicationFactor > 1 && (least === undefined || least > 1))) return undefined;
    return {
      name: 'one-copy',
      severity: 'notice',
      text:
        (replicationFactor < 2 ? 'the topic has one replica' : 'min.insync.replicas is 1') +
        ': events that Kafka has acknowledged are lost with one broker; 3 replicas and min.insync.replicas=2 keep them',
    };
  },
  ({ topic }) =>
    topic?.get('message.timestamp.type') === 'CreateTime'
      ? {
          name: 'writers-time',
          severity: 'notice',
          text:
            'message.timestamp.type is CreateTime: starts at a time and retention go by the clocks of the relays; set it to ' +
            'LogAppendTime on the topic',
        }
      : undefined,
  ({ topic }) => {
    const bytes = numberOf(topic, 'retention.bytes');
    if (bytes === undefined || bytes < 0) return undefined;
    return {
      name: 'retention-by-size',
      severity: 'notice',
      text: `retention.bytes is ${bytes}: under load events go before retention.ms is over; set it to -1 on the topic`,
    };
  },
  ({ topic }) => {
    const bytes = numberOf(topic, 'max.message.bytes');
    if (bytes === undefined || bytes >= USUAL_MESSAGE_BYTES) return undefined;
    return {
      name: 'small-messages',
      severity: 'notice',
      text: `max.message.bytes is ${bytes}: larger events are parked; set it to at least ${USUAL_MESSAGE_BYTES} on the topic`,
    };
  },
  ({ topic }) =>
    topic
      ? undefined
      : {
          name: 'settings-unknown',
          severity: 'notice',
          text:
            'the settings of the topic cannot be read, so nobody looks whether they keep what is promised; give the user the right ' +
            'DescribeConfigs on the topic',
        },
];

function numberOf(settings: ReadonlyMap<string, string> | undefined, name: string): number | undefined {
  const value = settings?.get(name);
  return value === undefined || value === '' ? undefined : Number(value);
}
