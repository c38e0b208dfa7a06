import type { FindingName } from '@order-events/outbox';
import type { Fault } from './fault.ts';
import { RUNNING_FAULTS } from './running-faults.ts';
import { STARTING_FAULTS } from './starting-faults.ts';

/** They run beside one another. */
export const FAULTS: readonly Fault[] = [...RUNNING_FAULTS, ...STARTING_FAULTS];

/** What takes several brokers, a Kafka with rights or with other settings: shown at the rule itself. */
export const ELSEWHERE: Readonly<Partial<Record<FindingName, string>>> = {
  'append-refused': 'apps/relay/src/health/publishing-trouble.test.ts',
  'complete-untold': 'apps/relay/src/complete/complete-teller.test.ts',
  'cut-off': 'test/chaos/relay-cut-off.chaos.test.ts',
  'one-copy': 'packages/messaging/src/topic/settings-review.test.ts',
  'settings-unknown': 'packages/messaging/src/topic/settings-review.test.ts',
  'short-transactions': 'packages/messaging/src/topic/settings-review.test.ts',
};
