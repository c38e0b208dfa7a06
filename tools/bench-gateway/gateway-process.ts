import { NODE_OPTIONS, startAppProcess, type AppProcess } from '../stack/index.ts';
import type { BenchContext } from './bench-part.ts';

/** Runs the gateway as a process of its own, with the settings it comes with but for `env`. It ends with the part. */
export async function startBenchGateway(
  { servers, profileDir, defer }: BenchContext,
  topic: string,
  env: Readonly<Record<string, string>> = {},
): Promise<AppProcess> {
  const profiling = profileDir ? ['--cpu-prof', `--cpu-prof-dir=${profileDir}`] : [];
  const gateway = await startAppProcess('stream-gateway', {
    KAFKA_BROKERS: servers.kafka.brokers.join(','),
    KAFKA_TOPIC: topic,
    NODE_OPTIONS: [NODE_OPTIONS.gateway, ...profiling].join(' '),
    ...env,
  });
  defer(async () => {
    gateway.kill('SIGTERM');
    await gateway.exited;
  });
  return gateway;
}
