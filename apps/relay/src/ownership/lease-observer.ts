import type { RelayMetrics } from '../relay-metrics.ts';
import type { OwnershipObserver } from './lease-keeper.ts';

export function leaseObserver(
  metrics: Pick<RelayMetrics, 'leaseMoves' | 'leaseRequestFailures'>,
): OwnershipObserver {
  return {
    moved: (_partition, move) => metrics.leaseMoves.inc({ ...move }),
    requestFailed: (request) => metrics.leaseRequestFailures.inc({ request }),
  };
}
