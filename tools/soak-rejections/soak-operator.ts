import { setTimeout as pause } from 'node:timers/promises';
import { createOrderStreamClient, OrderStreamAdminServiceDefinition } from '@order-events/order-stream';
import { createChannel, createClient } from 'nice-grpc';
import type { RejectionStep } from './rejection-step.ts';
import type { SoakGateways } from './soak-gateways.ts';

export interface SoakOperatorOptions {
  readonly gateways: SoakGateways;
  readonly subscription: string;
  readonly orderNumber: (orderId: string) => number | undefined;
  readonly onStep: (step: RejectionStep) => void;
}

export interface SoakOperator {
  requeuedCount(): number;
  /** Requests that failed, as those do of a gateway that was killed meanwhile. */
  failedCount(): number;
  stop(): Promise<void>;
}

const EVERY_MS = 500;
const CALL_LIMIT_MS = 5_000;

/** Asks every gateway again and again for what was set aside there, and has it sent again. */
export function startSoakOperator(options: SoakOperatorOptions): SoakOperator {
  const stopping = new AbortController();
  let requeued = 0;
  let failed = 0;

  async function decide(address: string): Promise<void> {
    const channel = createChannel(address);
    const client = createClient(OrderStreamAdminServiceDefinition, channel);
    const { subscription } = options;
    const call = () => ({ signal: AbortSignal.timeout(CALL_LIMIT_MS) });
    try {
      const { orders } = await client.listHeldOrders({ subscription, pageSize: 1_000 }, call());
      for (const { orderId, setAside } of orders) {
        const order = options.orderNumber(orderId);
        if (!setAside || order === undefined) continue;
        options.onStep({ kind: 'requeueing', order });
        try {
          await client.requeueHeldOrders({ subscription, orderId }, call());
          requeued += 1;
        } catch {
          failed += 1;
        }
        options.onStep({ kind: 'requeued', order });
      }
    } catch {
      failed += 1;
    } finally {
      channel.close();
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      for (const address of options.gateways.adminAddresses()) await decide(address);
      await pause(EVERY_MS);
    }
  }

  const done = run();
  return {
    requeuedCount: () => requeued,
    failedCount: () => failed,
    async stop() {
      stopping.abort();
      await done;
    },
  };
}

/** Orders that any gateway holds for the subscription, and events that Kafka has for it and that are not done. */
export async function leftBehind(
  gateways: SoakGateways,
  subscription: string,
): Promise<{ readonly heldOrders: number; readonly backlogEvents: number }> {
  let heldOrders = 0;
  for (const address of gateways.adminAddresses()) {
    const channel = createChannel(address);
    try {
      const client = createClient(OrderStreamAdminServiceDefinition, channel);
      heldOrders += (await client.listHeldOrders({ subscription })).orders.length;
    } finally {
      channel.close();
    }
  }
  const { client, close } = createOrderStreamClient(gateways.anyAddress());
  try {
    const { subscription: state } = await client.getSubscription({ name: subscription });
    return { heldOrders, backlogEvents: Number(state?.backlogEvents ?? 0n) };
  } finally {
    close();
  }
}
