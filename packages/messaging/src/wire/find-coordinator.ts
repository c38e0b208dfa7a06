import { requests } from 'kafkajs/src/protocol/requests/index.js';
import type { BrokerAddress } from './broker-address.ts';
import type { Coded, WireRequest } from './wire-request.ts';

/** What a broker can be the coordinator of. */
export type CoordinatorKind = 'group' | 'transaction';

const findCoordinator2 = requests.GroupCoordinator.protocol({ version: 2 });
const KEY_TYPE = { group: 0, transaction: 1 } as const;

/** Finds the broker that keeps the state of a consumer group or of a transactional id. Any broker can answer. */
export function findCoordinatorRequest(
  kind: CoordinatorKind,
  key: string,
): WireRequest<Coded<{ coordinator: BrokerAddress }>> {
  return findCoordinator2({ groupId: key, coordinatorType: KEY_TYPE[kind] });
}
