import type { Logger } from '@order-events/runtime';

/** Who did what, and what became of it: without tokens, addresses and what orders hold. Nobody knows who it was where access control is off. */
export interface Audit {
  /** A call was not let in, or not to what it asked for. */
  refused(action: string, subject: string | undefined, reason: string): void;
  /** Somebody has changed what belongs to others as well. `target` is a subscription or a stream; `what` of it. */
  done(action: string, subject: string | undefined, target: string, what?: object): void;
}

export function createAudit(log: Pick<Logger, 'info'>): Audit {
  const line = (action: string, subject: string | undefined, outcome: object) =>
    log.info({ audit: { subject, action, ...outcome } }, 'audit');
  return {
    refused: (action, subject, reason) => line(action, subject, { outcome: 'refused', reason }),
    done: (action, subject, target, what = {}) => line(action, subject, { outcome: 'done', target, ...what }),
  };
}
