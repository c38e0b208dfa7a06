import { startAppProcess, type AppProcess } from '../stack/index.ts';
import type { BenchContext } from './bench-part.ts';

/** About what Node chooses by itself in a container of 512 MB, as in docker-compose.yml; without a limit it takes what the machine has. */
export const SMALL_HEAP = ['--max-old-space-size=256', '--max-semi-space-size=16'];

/** Runs the relay as a process of its own, with the settings it comes with. It ends with the part. */
export async function startBenchRelay(
  { servers, profileDir, defer }: BenchContext,
  where: { readonly databaseUrl: string; readonly topic: string },
  nodeOptions: readonly string[] = [],
): Promise<AppProcess> {
  const profiling = profileDir ? ['--cpu-prof', `--cpu-prof-dir=${profileDir}`] : [];
  const relay = await startAppProcess('relay', {
    DATABASE_URL: where.databaseUrl,
    KAFKA_BROKERS: servers.kafka.brokers.join(','),
    KAFKA_TOPIC: where.topic,
    NODE_OPTIONS: [...nodeOptions, ...profiling].join(' '),
  });
  defer(() => stopBenchRelay(relay));
  return relay;
}

export async function stopBenchRelay(relay: AppProcess): Promise<void> {
  relay.kill('SIGTERM');
  await relay.exited;
}
