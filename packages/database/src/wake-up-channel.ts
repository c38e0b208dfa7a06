/** Postgres notification channel by which the API wakes the relay. Nothing depends on a notification arriving: it saves the idle poll. */
export const WAKE_UP_CHANNEL = 'outbox_wake_up';
