import type { EventPublisher, PublishOutcome } from '@order-events/domain';

const HELD: PublishOutcome = { kind: 'held' };

/**
 * Publishes nothing and says so: every event is held. The other implementation of the port, for whoever composes a relay without Kafka;
 * ours without brokers runs no partition at all, so that nobody takes leases in vain.
 */
export function createNoopPublisher(): EventPublisher {
  return { publish: (events) => Promise.resolve(events.map(() => HELD)) };
}
