/** Of one partition: what the topic has and the outbox does not. */
export interface LostCommits {
  /** What a claim has found in the topic behind the stored offset, as `ledgerId` names it. */
  found(ids: ReadonlySet<string>): void;
  /**
   * The cursor covers all that was committed before the claim, so that what was found has come along with its row. Tells, once, of what
   * is left in the ledger.
   */
  covered(ledger: ReadonlySet<string>): void;
}

export function createLostCommits(tell: (eventIds: readonly string[]) => void): LostCommits {
  let known: ReadonlySet<string> = new Set();
  return {
    found: (ids) => void (known = ids),
    covered(ledger) {
      // Records of replays have no rows of their own.
      const onlyInTopic = [...ledger].filter((id) => known.has(id) && !id.includes('/'));
      known = new Set();
      if (onlyInTopic.length > 0) tell(onlyInTopic);
    },
  };
}
