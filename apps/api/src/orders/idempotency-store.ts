import { executeTogether, type Transaction } from '@order-events/database';
import type { Order } from '@order-events/domain';
import { decodeOrderEvent, encodeOrderEvent } from '@order-events/messaging/order-message';
import { type CompiledQuery, sql } from 'kysely';
import type { IdempotentRequest } from './idempotent-request.ts';
import { IdempotencyKeyInUseError, IdempotencyKeyReusedError } from './order-error.ts';
import type { StoredOrderWrite } from './order-store.ts';

export interface EarlierAnswer {
  readonly order: Order;
  /** When it was looked for, by the database. */
  readonly askedAt: Date;
}

export interface IdempotencyStore {
  /**
   * The order that was answered when the request was made before; undefined when it was not. Keeps others with the same key out
   * until the transaction ends. Throws IdempotencyKeyInUseError and IdempotencyKeyReusedError.
   */
  find(transaction: Transaction, request: IdempotentRequest): Promise<EarlierAnswer | undefined>;
  /** Statements that remember the answer, in the order in which they must run; for the transaction of what is answered. */
  remembering(
    transaction: Transaction,
    request: IdempotentRequest,
    write: StoredOrderWrite,
  ): readonly CompiledQuery[];
}

const KEPT_FOR = '24 hours';
/** Each new key removes more than one old one, so the table never grows beyond the keys of a day by much. */
const PRUNED_AT_ONCE = 10;

export function createIdempotencyStore(): IdempotencyStore {
  return {
    async find(transaction, { key, fingerprint, formerFingerprint }) {
      const lock = sql<{ taken: boolean; asked_at: Date }>`
        SELECT pg_try_advisory_xact_lock(hashtextextended(${key}, 0)) AS taken, statement_timestamp() AS asked_at
      `.compile(transaction);
      // A statement of its own: its snapshot must be younger than the lock.
      const answer = transaction
        .selectFrom('idempotency_keys')
        .select(['fingerprint', 'response'])
        .where('key', '=', key)
        .where('expires_at', '>', sql<Date>`now()`)
        .compile();
      const [[locked], [found]] = await executeTogether(transaction, [lock, answer]);
      // Without the lock, what was found may have changed already.
      if (!locked?.taken) throw new IdempotencyKeyInUseError();
      if (!found) return undefined;
      if (found.fingerprint !== fingerprint && found.fingerprint !== formerFingerprint) {
        throw new IdempotencyKeyReusedError();
      }
      return { order: decodeOrderEvent(JSON.stringify(found.response)).order, askedAt: locked.asked_at };
    },

    remembering(transaction, { key, fingerprint }, { events }) {
      const row = {
        fingerprint,
        // The event carries the order that is answered.
        response: encodeOrderEvent(events[0]),
        expires_at: sql<Date>`now() + ${KEPT_FOR}::interval`,
      };
      const record = transaction
        .insertInto('idempotency_keys')
        .values({ key, ...row })
        // Only an expired key can be there.
        .onConflict((conflict) => conflict.column('key').doUpdateSet(row))
        .compile();
      return [record, pruning(transaction)];
    },
  };
}

function pruning(transaction: Transaction): CompiledQuery {
  return transaction
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
    .compile();
}
