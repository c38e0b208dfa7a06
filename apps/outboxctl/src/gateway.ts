import { readFileSync } from 'node:fs';
import { createOrderStreamAdminClient, type OrderStreamAdminConnection } from '@order-events/order-stream';
import type { OutboxctlConfig } from './config.ts';
import { CommandError } from './outcome.ts';

export interface Gateway {
  /** Makes a call at the operators' port of the gateway. Throws a CommandError with what the gateway has against it. */
  call<T>(work: (client: OrderStreamAdminConnection['client']) => Promise<T>): Promise<T>;
  close(): void;
}

/** The gateway of the settings; connects with the first call. */
export function openGateway(config: OutboxctlConfig): Gateway {
  const address = config.OUTBOXCTL_GATEWAY;
  let connection: OrderStreamAdminConnection | undefined;

  function connect(): OrderStreamAdminConnection {
    const { OUTBOXCTL_GATEWAY_TOKEN: token, OUTBOXCTL_GATEWAY_CA_FILE: caFile } = config;
    return createOrderStreamAdminClient(address, {
      ...(token === undefined ? {} : { token: () => token }),
      ...(caFile === undefined ? {} : { tls: { rootCertificates: readFileSync(caFile) } }),
    });
  }

  return {
    async call(work) {
      connection ??= connect();
      try {
        return await work(connection.client);
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        throw new CommandError(`gateway ${address}: ${text}`, { cause: error });
      }
    },
    close: () => connection?.close(),
  };
}
