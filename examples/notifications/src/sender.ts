import { type Logger, retryUntilDone } from '@order-events/runtime';
import type { Notification } from './notification.ts';

/** Hands a notification over. Resolves when it is done with; rejects when `signal` aborts first. */
export type Sender = (notification: Notification, signal: AbortSignal) => Promise<void>;

const TIMEOUT_MS = 5_000;

export function createLogSender(log: Logger): Sender {
  return async (notification) => log.info({ notification }, 'notification');
}

/**
 * Posts each notification to `url`, as often as it takes. The key is the event's id, the same however often the event is seen: a
 * receiver that honours `Idempotency-Key` sends no customer the same thing twice.
 */
export function createWebhookSender(url: string, log: Logger): Sender {
  async function post(notification: Notification, signal: AbortSignal): Promise<void> {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': notification.id },
      body: JSON.stringify(notification),
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    await response.body?.cancel();
    const { status } = response;
    if (status === 429 || status >= 500) throw new Error(`the receiver answered ${status}`);
    // Asking again would get the same answer, and hold up every notification behind this one.
    if (!response.ok) log.error({ status, notification }, 'the receiver refused a notification, left out');
  }

  return (notification, signal) =>
    retryUntilDone(() => post(notification, signal), {
      signal,
      minDelayMs: 100,
      maxDelayMs: 10_000,
      onFailure: (reason, retryDelayMs) => log.warn({ reason, retryDelayMs }, 'not sent, trying again'),
    });
}
