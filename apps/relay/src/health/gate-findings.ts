import type { Finding } from '@order-events/outbox';
import type { GateState } from '../topic-gate.ts';

/** What the gate has to say about a relay that does not publish. */
export function gateFindings(state: GateState): Finding[] {
  if (state.kind === 'open') return [];
  return state.kind === 'halted'
    ? [{ name: 'halted', severity: 'halt', text: state.reason }]
    : [{ name: 'waiting', severity: 'fault', text: `nothing is published yet: ${state.reason}` }];
}
