import { type AppProcess, findFreePort, startAppProcess } from '../stack/index.ts';

export interface SoakGateways {
  /** host:port of any of them, also of one that is away: what a client without a balancer does. */
  anyAddress(): string;
  /** Of those that run, at their ports for operators. */
  adminAddresses(): string[];
  /** Kills one (kill -9) and starts it again. */
  kill(index: number): Promise<void>;
  stop(): Promise<void>;
}

/** Gateways on one topic, each on a port that it keeps. */
export async function startSoakGateways(
  count: number,
  settings: Readonly<Record<string, string>>,
): Promise<SoakGateways> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await findFreePort());
  const start = (port: number) =>
    startAppProcess('stream-gateway', { ...settings, GATEWAY_PORT: String(port) });
  const running = new Map<number, AppProcess>();
  await Promise.all(ports.map(async (port, index) => void running.set(index, await start(port))));
  let isStopped = false;
  return {
    anyAddress: () => `127.0.0.1:${ports[Math.floor(Math.random() * count)] ?? 0}`,
    adminAddresses: () => Array.from(running.values(), ({ urls }) => urls.adminGrpc),
    async kill(index) {
      const [app, port] = [running.get(index), ports[index]];
      if (!app || port === undefined) throw new RangeError(`there is no gateway ${index}`);
      running.delete(index);
      app.kill('SIGKILL');
      await app.exited;
      const again = await start(port);
      running.set(index, again);
      if (isStopped) again.kill('SIGKILL');
    },
    async stop() {
      isStopped = true;
      const apps = [...running.values()];
      for (const app of apps) app.kill('SIGKILL');
      await Promise.all(apps.map(({ exited }) => exited));
    },
  };
}
