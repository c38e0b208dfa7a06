/** What is kept of an event that is held; events of one partition are ordered by their offsets. */
export interface HoldableEvent {
  readonly eventId: string;
  readonly orderId: string;
  readonly offset: bigint;
  /** Its bytes as they are sent. */
  readonly encoded: Uint8Array;
}

/** How often and when a rejected event comes again, unless its client says so. */
export interface RejectPolicy {
  /** With the rejection of so many deliveries the order is set aside. */
  readonly maxAttempts: number;
  readonly firstDelayMs: number;
  readonly growth: number;
  readonly maxDelayMs: number;
}

/** No client and no policy may ask for more. */
export const MAX_RETRY_DELAY_MS = 7 * 24 * 3_600_000;

/** What a client wants to become of an event that it rejects. */
export interface Rejection {
  readonly reason: string;
  /** The policy's unless it is given. */
  readonly delayMs?: number;
  readonly setAside?: boolean;
}

/** What is stored of a held event, beside the event itself. */
export interface HeldState {
  /** Deliveries that were rejected. */
  readonly attempts: number;
  /** Of these, so many were before somebody requeued the order: they do not count against the policy. */
  readonly forgivenAttempts: number;
  /** Of the last rejection; empty while it only waits behind another event. */
  readonly reason: string;
  /** By the wall clock of the gateway that wrote it: it comes again then, whoever has the order. */
  readonly notBeforeMs: number;
  /** From its last rejection until then. */
  readonly delayMs: number;
  /** It waits until somebody decides. */
  readonly isSetAside: boolean;
}

/** A held event as it was read. */
export interface HeldRecord<E extends HoldableEvent> {
  readonly event: E;
  readonly state: HeldState;
}

/** An event of an order that waits for one before it. */
export const WAITING: HeldState = {
  attempts: 0,
  forgivenAttempts: 0,
  reason: '',
  notBeforeMs: 0,
  delayMs: 0,
  isSetAside: false,
};

/** The state of an event after one more rejection. */
export function rejectedState(
  before: HeldState,
  rejection: Rejection,
  policy: RejectPolicy,
  nowMs: number,
): HeldState {
  const attempts = before.attempts + 1;
  const counted = attempts - before.forgivenAttempts;
  const isSetAside = rejection.setAside === true || counted >= policy.maxAttempts;
  const grown = policy.firstDelayMs * policy.growth ** (counted - 1);
  const { reason } = rejection;
  if (isSetAside) return { ...before, attempts, reason, isSetAside, notBeforeMs: 0, delayMs: 0 };
  const delayMs = rejection.delayMs ?? Math.min(policy.maxDelayMs, grown);
  return { ...before, attempts, reason, isSetAside, notBeforeMs: nowMs + delayMs, delayMs };
}

/** What was read, by the clock of who read it: if the writer's was ahead, it waits for its own delay once more, and not until then. */
export function withinDelay<E extends HoldableEvent>(
  { event, state }: HeldRecord<E>,
  nowMs: number,
): HeldRecord<E> {
  return { event, state: { ...state, notBeforeMs: Math.min(state.notBeforeMs, nowMs + state.delayMs) } };
}

/** The state of an event that comes again at once, with its attempts forgiven. */
export function requeuedState(before: HeldState): HeldState {
  return { ...before, forgivenAttempts: before.attempts, notBeforeMs: 0, delayMs: 0, isSetAside: false };
}
