/** The part of the orders API that a warehouse needs. */
export interface OrderApi {
  /**
   * Moves the order to `status` if it has this version. Rejects when there is no answer, or one that another try may change, as one that
   * asks for another token.
   * `outdated`: the order has changed since. `refused`: for good, with the reason.
   */
  setStatus(change: StatusChange, signal: AbortSignal): Promise<'done' | 'outdated' | { refused: string }>;
}

export interface StatusChange {
  readonly orderId: string;
  readonly version: bigint;
  readonly status: string;
  /** What the change is a part of; empty when nobody knows. */
  readonly traceparent: string;
}

const TIMEOUT_MS = 5_000;
/** What the API says of the order itself: asking again changes nothing, unless it says when to. */
const REFUSALS: ReadonlySet<number> = new Set([400, 404, 409, 422]);

/** `token` gives the bearer token of each request; without it none is sent. */
export function createOrderApi(url: string, token?: () => Promise<string>): OrderApi {
  return {
    async setStatus({ orderId, version, status, traceparent }, signal) {
      const response = await fetch(new URL(`/orders/${orderId}/status`, url), {
        method: 'PUT',
        headers: {
          'content-type': 'application/json',
          'if-match': `"v${version}"`,
          ...(traceparent !== '' && { traceparent }),
          ...(token ? { authorization: `Bearer ${await token()}` } : {}),
        },
        body: JSON.stringify({ status }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      const answer = await response.text();
      if (response.ok) return 'done';
      if (response.status === 412) return 'outdated';
      const told = `the orders API answered ${response.status}: ${answer.slice(0, 1_000)}`;
      if (REFUSALS.has(response.status) && !response.headers.has('retry-after')) return { refused: told };
      throw new Error(told);
    },
  };
}
