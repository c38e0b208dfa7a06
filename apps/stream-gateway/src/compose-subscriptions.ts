import { type ConsumerGroups, createConsumerGroups, type LogReader } from '@order-events/messaging';
import { createClosingPart, kafkaConnection, type Logger, type Part } from '@order-events/runtime';
import type { Registry } from 'prom-client';
import type { GatewayConfig } from './config.ts';
import type { ConsumeSources } from './consume/consumer.ts';
import { createConsumeMetrics } from './consume-metrics.ts';
import { createHeldDesk, type HeldDesk, heldDeskSources } from './held/held-desk.ts';
import { heldWriters } from './held/held-store.ts';
import type { OrderStreamServiceOptions } from './grpc/order-stream-service.ts';
import { createSubscriptionCheck, type SubscriptionCheck } from './subscription/subscription-check.ts';
import { createSubscriptionLags, type SubscriptionLags } from './subscription/subscription-lags.ts';
import { createSubscriptionStore } from './subscription/subscription-store.ts';
import { registerSubscriptionGauges } from './subscription-metrics.ts';
import type { WatchRegistry } from './stream/watch-registry.ts';

interface SubscriptionsNeeds {
  readonly sources: OrderStreamServiceOptions['sources'];
  readonly subscriptionReader: LogReader;
  readonly registry: Registry;
  readonly log: Logger;
}

/** What streams of subscriptions, and the calls about subscriptions, are made of. */
export function createSubscriptions(
  config: GatewayConfig,
  { sources, subscriptionReader, registry, log }: SubscriptionsNeeds,
): Pick<OrderStreamServiceOptions, 'subscriptionLags' | 'subscriptionOffsets' | 'consumeSources'> & {
  parts: Part[];
} {
  const { groups, groupsOfCalls, parts } = createGroups(config);
  const subscriptionLags = createSubscriptionLags(
    createSubscriptionStore(groupsOfCalls.offsets),
    subscriptionReader,
  );
  const check = createCheck(config, subscriptionLags, subscriptionReader, registry, log);
  const observer = createConsumeMetrics(registry, log);
  return {
    subscriptionLags,
    subscriptionOffsets: groupsOfCalls.offsets,
    consumeSources: { ...sources, groups, ...memberOptions(config), ...heldOptions(config), observer },
    parts: [...parts, check],
  };
}

/** What operators ask of held orders; streams of this process are told of it. */
export function createDesk(
  config: GatewayConfig,
  { log, onReadFailure }: Pick<OrderStreamServiceOptions['sources'], 'log' | 'onReadFailure'>,
  { subscriptionOffsets: offsets }: Pick<OrderStreamServiceOptions, 'subscriptionOffsets'>,
  watches: Pick<WatchRegistry, 'list'>,
): { desk: HeldDesk; part: Part } {
  const { KAFKA_CLIENT_ID: clientId, KAFKA_TOPIC: topic } = config;
  const desk = createHeldDesk({
    ...{ log, offsets, onFailure: onReadFailure },
    ...heldDeskSources({ ...kafkaConnection(config), clientId, topic }),
    onAsked(subscription) {
      for (const watch of watches.list()) if (watch.subscription === subscription) watch.held?.look();
    },
  });
  return { desk, part: createClosingPart("operators' desk", desk.close) };
}

function createCheck(
  config: GatewayConfig,
  lags: SubscriptionLags,
  reader: Pick<LogReader, 'retention'>,
  registry: Registry,
  log: Logger,
): SubscriptionCheck {
  const intervalMs = config.GATEWAY_SUBSCRIPTION_CHECK_MS;
  const check = createSubscriptionCheck({ lags, reader, intervalMs, log });
  registerSubscriptionGauges(registry, check.report);
  return check;
}

/** Members of subscriptions do not wait for those who ask about subscriptions: their connections are others. */
function createGroups(config: GatewayConfig): {
  groups: ConsumerGroups;
  groupsOfCalls: ConsumerGroups;
  parts: Part[];
} {
  const { KAFKA_CLIENT_ID: clientId, KAFKA_TOPIC: topic } = config;
  const open = () => createConsumerGroups({ ...kafkaConnection(config), clientId, topic });
  const [groups, groupsOfCalls] = [open(), open()];
  const parts = [
    createClosingPart('consumer groups', () => groups.close()),
    createClosingPart('consumer groups of calls', () => groupsOfCalls.close()),
  ];
  return { groups, groupsOfCalls, parts };
}

function memberOptions(
  config: GatewayConfig,
): Pick<ConsumeSources, 'clientId' | 'sessionTimeoutMs' | 'partitionCheckMs'> {
  return {
    clientId: config.KAFKA_CLIENT_ID,
    sessionTimeoutMs: config.GATEWAY_CONSUMER_SESSION_MS,
    partitionCheckMs: config.GATEWAY_PARTITION_CHECK_MS,
  };
}

function heldOptions(config: GatewayConfig): Pick<ConsumeSources, 'openHeldWriter' | 'heldLimits'> {
  const { KAFKA_CLIENT_ID: clientId, KAFKA_TOPIC: topic } = config;
  return {
    openHeldWriter: heldWriters({ ...kafkaConnection(config), clientId, topic }),
    heldLimits: { events: config.GATEWAY_HELD_EVENTS, bytes: config.GATEWAY_HELD_BYTES },
  };
}
