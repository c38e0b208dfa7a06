import { BrokerConnectionError, type connectToBroker } from '../src/wire/broker-connection.ts';

/** Of a request, and of its answer. */
export const WAY_MS = 5;

const wayOver = () => new Promise<void>((resolve) => setTimeout(resolve, WAY_MS));

/** Connections to brokers in memory, which have their node plus one for a port. */
export function simulatedConnect(
  answer: (node: number, apiKey: number, body: Buffer) => Promise<Buffer>,
): typeof connectToBroker {
  return async ({ port }, _config, ...signals) => {
    for (const signal of signals) signal.throwIfAborted();
    const ended = Promise.withResolvers<never>();
    ended.promise.catch(() => undefined);
    let open = true;
    const close = () => {
      open = false;
      ended.reject(new BrokerConnectionError('the connection was closed'));
    };
    for (const signal of signals) signal.addEventListener('abort', close, { once: true });
    return {
      isOpen: () => open,
      close,
      async send(wire) {
        const { buffer } = await wire.request.encode();
        const exchange = async () => {
          await wayOver();
          const payload = await answer(port - 1, wire.request.apiKey, buffer);
          await wayOver();
          return payload;
        };
        return wire.response.decode(await Promise.race([exchange(), ended.promise]));
      },
    };
  };
}
