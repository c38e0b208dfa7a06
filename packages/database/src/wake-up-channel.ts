/**
 * Postgres notification channels. Nothing depends on a notification arriving: each one only saves the wait for the next look at the
 * tables.
 *
 * - `outbox_wake_up`: the API committed events.
 * - `relay_ownership`: a lease was given back, or an operator asked for something (a partition's mode, a replay, a requeue).
 */
export const WAKE_UP_CHANNELS = ['outbox_wake_up', 'relay_ownership'] as const;

export type WakeUpChannel = (typeof WAKE_UP_CHANNELS)[number];
