import type { Transaction } from '@order-events/database';
import type { Order } from '@order-events/domain';
import { decodeOrderEvent, encodeOrderEvent } from '@order-events/messaging/order-message';
import { sql } from 'kysely';
import type { IdempotentRequest } from './idempotent-request.ts';
import { IdempotencyKeyInUseError, IdempotencyKeyReusedError } from './order-error.ts';
import type { StoredOrderWrite } from './order-store.ts';

export interface IdempotencyStore {
  /**
   * The order that was answered when the request was made before; undefined when it was not. Keeps others with the same key out
   * until the transaction ends. Throws IdempotencyKeyInUseError and IdempotencyKeyReusedError.
   */
  find(transaction: Transaction, request: IdempotentRequest): Promise<Order | undefined>;
  /** Remembers the answer, in the transaction of what is answered. */
  record(transaction: Transaction, request: IdempotentRequest, write: StoredOrderWrite): Promise<void>;
}

const KEPT_FOR = '24 hours';
/** Each new key removes more than one old one, so the table never grows beyond the keys of a day by much. */
const PRUNED_AT_ONCE = 10;

export function createIdempotencyStore(): IdempotencyStore {
  return {
    async find(transaction, { key, fingerprint }) {
      const { rows } = await sql<{ taken: boolean }>`
        SELECT pg_try_advisory_xact_lock(hashtextextended(${key}, 0)) AS taken
      `.execute(transaction);
      if (!rows[0]?.taken) throw new IdempotencyKeyInUseError();
      // A statement of its own: its snapshot must be younger than the lock.
      const found = await transaction
        .selectFrom('idempotency_keys')
        .select(['fingerprint', 'response'])
        .where('key', '=', key)
        .where('expires_at', '>', sql<Date>`now()`)
        .executeTakeFirst();
      if (found && found.fingerprint !== fingerprint) throw new IdempotencyKeyReusedError();
      return found && decodeOrderEvent(JSON.stringify(found.response)).order;
    },

    async record(transaction, { key, fingerprint }, { events }) {
      const row = {
        fingerprint,
        // The event carries the order that is answered.
        response: encodeOrderEvent(events[0]),
        expires_at: sql<Date>`now() + ${KEPT_FOR}::interval`,
      };
      await transaction
        .insertInto('idempotency_keys')
        .values({ key, ...row })
        // Only an expired key can be there.
        .onConflict((conflict) => conflict.column('key').doUpdateSet(row))
        .execute();
      await prune(transaction);
    },
  };
}

async function prune(transaction: Transaction): Promise<void> {
  await transaction
    .deleteFrom('idempotency_keys')
    .where('key', 'in', (expired) =>
      expired
        .selectFrom('idempotency_keys')
        .select('key')
        // What was stamped by a clock that was days ahead would stay for as long; by hours, it still tells what was answered.
        .where(sql<boolean>`(expires_at < now() OR expires_at > now() + 2 * ${KEPT_FOR}::interval)`)
        .orderBy('expires_at')
        .limit(PRUNED_AT_ONCE)
        // Another request may be pruning the same.
        .forUpdate()
        .skipLocked(),
    )
    .execute();
}
