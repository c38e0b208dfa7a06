import type { Logger } from '@order-events/runtime';

const MAX_TOLD_IDS = 100;
const TEXT =
  'the topic holds events that the outbox does not: the database has lost commits, as in a failover to a standby that lacked them, ' +
  'or these were requeued or dropped meanwhile; `outboxctl verify` counts all such events as only_in_topic';

export interface LostCommits {
  /** What a claim has found in the topic behind the stored offset, as `ledgerId` names it. */
  found(ids: ReadonlySet<string>): void;
  /**
   * The cursor covers all that was committed before the claim, so that what was found has come along with its row. Warns, once, of what
   * is left in the ledger.
   */
  covered(ledger: ReadonlySet<string>): void;
}

export function createLostCommits(log: Logger): LostCommits {
  let known: ReadonlySet<string> = new Set();
  return {
    found: (ids) => void (known = ids),
    covered(ledger) {
      // Records of replays have no rows of their own.
      const onlyInTopic = [...ledger].filter((id) => known.has(id) && !id.includes('/'));
      known = new Set();
      if (onlyInTopic.length === 0) return;
      log.warn({ events: onlyInTopic.length, onlyInTopic: onlyInTopic.slice(0, MAX_TOLD_IDS) }, TEXT);
    },
  };
}
