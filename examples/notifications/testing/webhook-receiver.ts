import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { startJsonServer } from '../../../test/harness/json-server.ts';
import type { Notification } from '../src/notification.ts';

export interface WebhookReceiver {
  readonly url: string;
  /** What was accepted, each as often as it came. */
  readonly accepted: Notification[];
  /** What is answered from here on; undefined accepts and never answers. Default 204. */
  answer(status: number | undefined): void;
  /** Requests so far. */
  requests(): number;
}

/** Stands for the service that sends notifications on. */
export async function startWebhookReceiver(t: TestContext): Promise<WebhookReceiver> {
  const accepted: Notification[] = [];
  let requests = 0;
  let status: number | undefined = 204;
  const url = await startJsonServer(t, (request, body, response) => {
    // Whatever it is, the test compares it with what it should be.
    const notification = body as Notification;
    assert.equal(request.headers['idempotency-key'], notification.id);
    requests += 1;
    if (status === undefined || status < 300) accepted.push(notification);
    if (status !== undefined) response.writeHead(status).end();
  });
  return {
    url,
    accepted,
    answer: (given) => (status = given),
    requests: () => requests,
  };
}
