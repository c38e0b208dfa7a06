import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { TEST_HEADERS } from './test-access.ts';

export interface ChangingOrdersOptions {
  readonly pool: pg.Pool;
  readonly apiUrl: string;
  /** Between two rounds of five changes; default none. */
  readonly pauseMs?: number;
  /** Told the `Write-Position` of each change that was answered. */
  readonly onChange?: (writePosition: string) => void;
}

const NEXT: Readonly<Record<string, string>> = { pending: 'confirmed', confirmed: 'processing' };

/** Moves orders on and places new ones until it is stopped, also while the API is away. */
export function keepChanging({ pool, apiUrl, pauseMs = 0, onChange }: ChangingOrdersOptions) {
  let goOn = true;
  let changes = 0;
  async function send(method: string, path: string, body: object): Promise<void> {
    try {
      const { ok, headers } = await fetch(`${apiUrl}${path}`, {
        method,
        headers: { 'content-type': 'application/json', ...TEST_HEADERS },
        body: JSON.stringify(body),
      });
      if (!ok) return;
      changes += 1;
      onChange?.(headers.get('write-position') ?? '');
    } catch {
      // The API is away.
    }
  }
  const item = { sku: 'tea', quantity: 1, unit_price_minor: 450 };
  const done = (async () => {
    while (goOn) {
      const { rows } = await pool.query<{ id: string; status: string }>(
        `SELECT id, status FROM orders WHERE status IN ('pending', 'confirmed') ORDER BY random() LIMIT 4`,
      );
      const moves = rows.map(({ id, status }) =>
        send('PUT', `/orders/${id}/status`, { status: NEXT[status] }),
      );
      moves.push(send('POST', '/orders', { customer_id: 'c-new', currency: 'EUR', items: [item] }));
      await Promise.all(moves);
      if (pauseMs > 0) await pause(pauseMs);
    }
  })();
  return {
    changes: () => changes,
    async stop() {
      goOn = false;
      await done;
    },
  };
}
