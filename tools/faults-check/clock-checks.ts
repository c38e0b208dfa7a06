import type pg from 'pg';
import { eventually } from '../../test/harness/eventually.ts';
import type { ClockedApp, ClockSystem } from './clock-system.ts';
import type { WatchListener } from './watchers.ts';

/** What must not go by the clocks of processes; each is told with what was seen, and only when it is wrong. */
export interface ClockChecks {
  readonly listener: WatchListener;
  beginRound(): Promise<void>;
  faults(victim: ClockedApp, aheadSeconds: number): Promise<string[]>;
}

const ORDER = {
  customer_id: 'c-1',
  currency: 'EUR',
  items: [{ sku: 'tea', quantity: 1, unit_price_minor: 1 }],
};
/** An event comes long before that also on a busy machine, and a clock that is an hour off is far beyond it. */
const TOLERANCE_MS = 20 * 60_000;
const KEY_TOLERANCE_SECONDS = 60;
const DAY_SECONDS = 86_400;
const TOKEN_LIFE_SECONDS = 1800;

export function createClockChecks(
  system: ClockSystem,
  pool: pg.Pool,
  token: () => Promise<string>,
): ClockChecks {
  const completeMs: number[] = [];
  const wrong = new Set<string>();
  let [epochs, key, orderId] = ['', '', ''];

  async function placeOnce(): Promise<string> {
    const headers = { 'content-type': 'application/json', 'idempotency-key': key };
    const response = await fetch(`${system.api.app.urls.http}/orders`, {
      method: 'POST',
      headers: { ...headers, authorization: `Bearer ${await token()}` },
      body: JSON.stringify(ORDER),
    });
    const answer = (await response.json()) as { order_id?: string };
    return answer.order_id ?? `status ${response.status}`;
  }

  async function owners(): Promise<string> {
    const { rows } = await pool.query<{ text: string }>(
      `SELECT string_agg(owner || ' ' || epoch, ', ' ORDER BY partition) AS text FROM relay_partition`,
    );
    return rows[0]?.text ?? '';
  }

  async function checkNewKey(): Promise<void> {
    key = crypto.randomUUID();
    await placeOnce();
    const { rows } = await pool.query<{ seconds: number }>(
      `SELECT extract(epoch FROM max(expires_at) - now())::int AS seconds FROM idempotency_keys`,
    );
    const keptSeconds = rows[0]?.seconds ?? 0;
    if (keptSeconds > DAY_SECONDS || keptSeconds < DAY_SECONDS - KEY_TOLERANCE_SECONDS)
      wrong.add(`idempotency keys are kept for ${keptSeconds} s`);
  }

  /** It goes on, whatever the clock says. */
  function completed(): Promise<void> {
    const sinceMs = Date.now();
    return eventually(() => {
      if (completeMs.length === 0 || Math.min(...completeMs) < sinceMs) throw new Error('it stands still');
    });
  }

  return {
    listener: {
      onEvent({ occurTime }) {
        const offMs = Math.abs(Date.now() - (occurTime?.getTime() ?? 0));
        if (offMs > TOLERANCE_MS) wrong.add('the time of an event is not that of the database');
      },
      onSignal(signal, watcher) {
        const told = signal.$case === 'heartbeat' || signal.$case === 'caughtUp' ? signal.value : undefined;
        const toldMs = told?.completeThroughTime?.getTime();
        if (toldMs === undefined) return;
        if (toldMs > Date.now()) wrong.add('complete_through_time is ahead of the database');
        completeMs[watcher] = toldMs;
      },
    },
    async beginRound() {
      wrong.clear();
      epochs = await owners();
      key = crypto.randomUUID();
      orderId = await placeOnce();
    },
    async faults(victim, aheadSeconds) {
      if ((await owners()) !== epochs) wrong.add('leases have moved');
      if ((await placeOnce()) !== orderId) wrong.add('an idempotency key has made two orders');
      await checkNewKey();
      await completed().catch(() => wrong.add('complete_through_time stands still'));
      if (victim === system.api)
        for (const fault of await tokenFaults(system, aheadSeconds)) wrong.add(fault);
      return [...wrong];
    },
  };
}

/** Tokens are valid by the clock of who reads them: what docs/access-control.md says of clocks. */
async function tokenFaults({ api, issuer }: ClockSystem, aheadSeconds: number): Promise<string[]> {
  const nowSeconds = Math.floor(Date.now() / 1000);
  const statusOf = async (expiresAfter: number) => {
    const claims = { exp: nowSeconds + expiresAfter, scope: 'orders:read' };
    const headers = { authorization: await issuer.authorization(claims) };
    return (await fetch(`${api.app.urls.http}/orders`, { headers })).status;
  };
  const faults: string[] = [];
  for (const expiresAfter of [TOKEN_LIFE_SECONDS, -TOKEN_LIFE_SECONDS]) {
    const wanted = expiresAfter > aheadSeconds ? 200 : 401;
    const status = await statusOf(expiresAfter);
    if (status !== wanted) faults.push(`a token that ends in ${expiresAfter} s: ${status}`);
  }
  return faults;
}
