import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { BenchContext } from './bench-part.ts';

/** Runs the comparison of generated-gateway-main.ts as a process of its own. It ends with the part. */
export async function startGeneratedGateway(
  { servers, defer }: BenchContext,
  topic: string,
  maxBatch: number,
): Promise<{ pid: number; address: string }> {
  const [broker = ''] = servers.kafka.brokers;
  const main = join(import.meta.dirname, 'generated-gateway-main.ts');
  const child = fork(main, [topic, broker, String(maxBatch)], { execArgv: ['--no-warnings'] });
  const { pid } = child;
  if (pid === undefined) throw new Error('could not run the generated gateway');
  const exited = once(child, 'exit');
  defer(async () => {
    if (child.connected) child.disconnect();
    await exited;
  });
  const ended = exited.then(() => {
    throw new Error('the generated gateway has ended');
  });
  ended.catch(() => undefined);
  const [port] = await Promise.race([once(child, 'message'), ended]);
  return { pid, address: `127.0.0.1:${String(port)}` };
}
