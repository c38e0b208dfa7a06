import type { RejectPolicyOptions } from '@order-events/order-stream';

/** What becomes of a delivery: handled, rejected for a while, or set aside until an operator asks for it. */
export type RejectionChoice = 'handle' | { readonly retryDelayMs: number | undefined } | 'set aside';

/** So many deliveries of an event that was rejected once are rejected again. */
const AGAIN_SHARE = 0.3;

export const REJECT_POLICY: RejectPolicyOptions = {
  maxAttempts: 3,
  firstDelayMs: 200,
  growth: 2,
  maxDelayMs: 1_000,
};

/**
 * Decides by the number of the event and of its delivery, so that a run with the same seed rejects the same events, whoever is sent
 * them. Half of the rejections come again after a time of their own, a quarter as the policy says, a quarter are set aside.
 */
export function chooseRejection(
  seed: number,
  share: number,
  event: number,
  attempt: number,
): RejectionChoice {
  const chance = spread(seed, event * 64 + Math.min(attempt, 63));
  if (chance >= (attempt > 1 ? AGAIN_SHARE * Math.sign(share) : share)) return 'handle';
  const way = spread(seed + 1, event * 64 + attempt);
  if (way < 0.25) return 'set aside';
  return { retryDelayMs: way < 0.5 ? undefined : Math.round(way * 800) };
}

/** A number from 0 up to 1 that looks random (the mixing of Mulberry32). */
function spread(seed: number, value: number): number {
  let mixed = (seed + Math.imul(value, 0x9e3779b1)) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}
