import {
  type ConsumedBatch,
  consumeOrders,
  createOrderStreamClient,
  OrderStreamAdminServiceDefinition,
  type RejectPolicyOptions,
} from '@order-events/order-stream';
import { createChannel, createClient } from 'nice-grpc';
import { eventually } from '../../test/harness/eventually.ts';
import type { OrderSystem } from '../stack/order-system.ts';
import type { AlertFault } from './alert-fault.ts';

const STUCK = 'stuck';
const REJECTING = 'rejecting';

/** Consumers that do not do their work. */
export const CONSUMER_FAULTS: readonly AlertFault[] = [
  {
    name: 'a consumer never acknowledges',
    alerts: ['GatewaySubscriptionStands'],
    async inject({ system }) {
      const leave = consumeWith(system, { subscription: STUCK }, () => {});
      return async () => {
        await leave();
        await deleteSubscription(system, STUCK);
      };
    },
  },
  {
    name: 'a consumer sets an order aside',
    alerts: ['GatewayOrdersSetAside'],
    async inject({ system }) {
      let orderId: string | undefined;
      const leave = consumeWith(system, { subscription: REJECTING, rejectPolicy: {} }, (batch) => {
        const [event] = batch.events;
        if (event && orderId === undefined) {
          orderId = event.orderId;
          batch.reject(event, { reason: 'unknown article', setAside: true });
        }
        batch.acknowledge();
      });
      return async () => {
        await discardHeld(system, orderId ?? '');
        await leave();
        await deleteSubscription(system, REJECTING);
      };
    },
  },
];

/** Answers how to leave the subscription. */
function consumeWith(
  { gateway }: OrderSystem,
  options: { readonly subscription: string; readonly rejectPolicy?: RejectPolicyOptions },
  handle: (batch: ConsumedBatch) => void,
): () => Promise<void> {
  const stopping = new AbortController();
  const consume = async () => {
    const batches = consumeOrders({ address: gateway.urls.grpc, ...options, signal: stopping.signal });
    for await (const batch of batches) handle(batch);
  };
  const consumed = consume();
  return async () => {
    stopping.abort();
    await consumed;
  };
}

/** Refused while the group still has members. */
async function deleteSubscription({ gateway }: OrderSystem, name: string): Promise<void> {
  const { client, close } = createOrderStreamClient(gateway.urls.grpc);
  try {
    await eventually(() => client.deleteSubscription({ name }));
  } finally {
    close();
  }
}

async function discardHeld({ gateway }: OrderSystem, orderId: string): Promise<void> {
  const channel = createChannel(gateway.urls.adminGrpc);
  try {
    const client = createClient(OrderStreamAdminServiceDefinition, channel);
    await client.discardHeldEvents({ subscription: REJECTING, orderId });
  } finally {
    channel.close();
  }
}
