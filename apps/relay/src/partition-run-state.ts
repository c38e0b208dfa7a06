/** What one partition's worker knows of itself. */
export interface RunState {
  /** Older owners are fenced and the ledger is known. */
  claimed: boolean;
  claimedAtMs: number;
  attentionWanted: boolean;
  /** Operators' requests and pages take turns. */
  attendedLast: boolean;
  /** What is parked is known, and what a former owner did for operators is recorded. */
  attendedSinceClaim: boolean;
  /** The last batch was not published: nothing is read for the partition until it is. */
  failing: boolean;
  busy: boolean;
  draining: 'acknowledged' | 'window' | undefined;
  /** The target that a former owner was working towards; it may be older than what that owner had published. */
  inheritedTarget: string | undefined;
  wake: () => void;
}

export function initialRunState(): RunState {
  return {
    claimed: false,
    claimedAtMs: 0,
    attentionWanted: true,
    attendedLast: false,
    attendedSinceClaim: false,
    failing: false,
    busy: false,
    draining: undefined,
    inheritedTarget: undefined,
    wake: () => {},
  };
}
