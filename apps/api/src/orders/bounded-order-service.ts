import { type AdmissionGate, createAdmissionGate } from './admission-gate.ts';
import type { Caller } from './caller.ts';
import { OrderBusyError, OverloadedError } from './order-error.ts';
import type { OrderService } from './order-service.ts';

export interface OrderServiceLimits {
  /** Connections to the database. */
  readonly connections: number;
  /** How many of them are of no use at present: they wait for an answer that nobody waits for any more. */
  readonly unanswered: () => number;
  /** So many changes wait for a connection. */
  readonly maxWaitingChanges: number;
  /** So many requests read or wait to. */
  readonly maxReads: number;
  /** So many change one order or wait to. */
  readonly maxOrderWriters: number;
  /** Nobody waits for a turn for longer. */
  readonly maxWaitMs: number;
}

/** Of all connections, what changes never use: a reader need not wait for whoever waits for a row. */
const READERS_SHARE = 0.2;

/** Two keep a row busy, one to change it while the other has its connection ready; more would only wait for it. */
const WRITERS_WITH_CONNECTION = 2;

/**
 * Takes as much at once as the database can be asked, and refuses the rest soon. Whoever waits for a turn holds no connection, so one
 * order that is locked, or a hundred changes of it, cost two connections and not all of them. Throws OrderBusyError and OverloadedError.
 */
export function boundOrderService(service: OrderService, limits: OrderServiceLimits): OrderService {
  const { connections, unanswered: blocked, maxWaitMs } = limits;
  const refusal = () => new OverloadedError();
  const all = createAdmissionGate({
    atOnce: connections,
    maxWaiting: limits.maxReads,
    ...{ maxWaitMs, refusal, blocked },
  });
  const changes = createAdmissionGate({
    atOnce: Math.max(1, connections - Math.max(1, Math.floor(connections * READERS_SHARE))),
    maxWaiting: limits.maxWaitingChanges,
    ...{ maxWaitMs, refusal, blocked },
  });
  const writersOf = new Map<string, AdmissionGate>();

  const write = <T>(work: () => Promise<T>) => changes.run(() => all.run(work));

  async function writeOrder<T>(orderId: string, caller: Caller, work: () => Promise<T>): Promise<T> {
    // A customer does not meet the others that change an order: where it is another's, there would be one to be busy.
    const gateKey = JSON.stringify([orderId, caller.customerId]);
    const gate =
      writersOf.get(gateKey) ??
      createAdmissionGate({
        atOnce: WRITERS_WITH_CONNECTION,
        maxWaiting: Math.max(0, limits.maxOrderWriters - WRITERS_WITH_CONNECTION),
        maxWaitMs,
        refusal: () => new OrderBusyError(orderId),
      });
    writersOf.set(gateKey, gate);
    try {
      return await gate.run(() => write(work));
    } finally {
      if (gate.isIdle()) writersOf.delete(gateKey);
    }
  }

  return {
    place: (...args) => write(() => service.place(...args)),
    changeItems: (...args) => writeOrder(args[0], args[2].caller, () => service.changeItems(...args)),
    changeStatus: (...args) => writeOrder(args[0], args[2].caller, () => service.changeStatus(...args)),
    import: (...args) => write(() => service.import(...args)),
    get: (...args) => all.run(() => service.get(...args)),
    list: (...args) => all.run(() => service.list(...args)),
    listChanges: (...args) => all.run(() => service.listChanges(...args)),
  };
}
