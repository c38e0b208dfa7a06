import type { EventPublisher, PublishOutcome } from '@order-events/domain';

const HELD: PublishOutcome = { kind: 'held' };

/** Publishes nothing and says so: every event is held. For a process without Kafka. */
export function createNoopPublisher(): EventPublisher {
  return { publish: (events) => Promise.resolve(events.map(() => HELD)) };
}
