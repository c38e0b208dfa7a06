import type { TestContext } from 'node:test';
import { type AppProcess, findFreePort } from '../../tools/stack/index.ts';
import { startApp } from './app-process.ts';

export interface GatewayReplicas {
  /** host:port of each; kept when a replica is started again. */
  readonly addresses: readonly string[];
  readonly apps: readonly AppProcess[];
  /** The address of any of them, also of one that is away: what a client without a balancer does. */
  anyAddress(): string;
  /** Ends one with a signal, waits for its end and starts it again. Answers how long the end took. */
  restart(index: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<number>;
}

/** Gateways on the same topic, each on a port of its own. */
export async function startGatewayReplicas(
  t: TestContext,
  count: number,
  settings: Readonly<Record<string, string>>,
): Promise<GatewayReplicas> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await findFreePort());
  const start = (port: number) => startApp(t, 'stream-gateway', { ...settings, GATEWAY_PORT: String(port) });
  const apps = await Promise.all(ports.map(start));
  const addresses = ports.map((port) => `127.0.0.1:${port}`);
  return {
    addresses,
    apps,
    anyAddress: () => addresses[Math.floor(Math.random() * count)] ?? '',
    async restart(index, signal) {
      const [app, port] = [apps[index], ports[index]];
      if (!app || port === undefined) throw new RangeError(`there is no replica ${index}`);
      const startedAtMs = performance.now();
      app.kill(signal);
      await app.exited;
      const durationMs = performance.now() - startedAtMs;
      apps[index] = await start(port);
      return durationMs;
    },
  };
}
