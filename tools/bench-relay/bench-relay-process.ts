import { NODE_OPTIONS, startAppProcess, type AppProcess } from '../stack/index.ts';
import type { BenchContext } from './bench-part.ts';

/** Runs the relay as a process of its own, with the settings it comes with. It ends with the part. */
export async function startBenchRelay(
  { servers, profileDir, defer }: BenchContext,
  where: { readonly databaseUrl: string; readonly topic: string },
  nodeOptions: string = NODE_OPTIONS.relay,
): Promise<AppProcess> {
  const profiling = profileDir ? ['--cpu-prof', `--cpu-prof-dir=${profileDir}`] : [];
  const relay = await startAppProcess('relay', {
    DATABASE_URL: where.databaseUrl,
    KAFKA_BROKERS: servers.kafka.brokers.join(','),
    KAFKA_TOPIC: where.topic,
    NODE_OPTIONS: [nodeOptions, ...profiling].join(' '),
  });
  defer(() => stopBenchRelay(relay));
  return relay;
}

export async function stopBenchRelay(relay: AppProcess): Promise<void> {
  relay.kill('SIGTERM');
  await relay.exited;
}
