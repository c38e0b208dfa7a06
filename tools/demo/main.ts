import { startOrderSystem, type OrderSystem } from '../stack/order-system.ts';
import { createDemoRecorder } from './demo-recorder.ts';
import { printHeadline, printTable } from './demo-output.ts';
import { breakKafka, killRelay, showLive } from './demo-phases.ts';

const startedMs = performance.now();
const stopped = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => stopped.abort(new Error('stopped by the user')));
}

let system: OrderSystem | undefined;
try {
  printHeadline('Starting real servers on this machine');
  system = await startOrderSystem({ onStep: (step) => console.log(`  ${step}`) });
  console.log(`  watch it in a browser: ${system.gateway.urls.grpcWeb}/`);
  stopped.signal.throwIfAborted();
  process.exitCode = await demonstrate(system, stopped.signal);
} catch (error) {
  const cause: unknown = stopped.signal.aborted ? stopped.signal.reason : error;
  console.error(cause instanceof Error ? cause.message : cause);
  process.exitCode = 1;
} finally {
  await system?.stop();
  console.log(`\nEverything is stopped; it took ${((performance.now() - startedMs) / 1000).toFixed(0)} s.`);
}

async function demonstrate(running: OrderSystem, signal: AbortSignal): Promise<number> {
  const recorder = await createDemoRecorder(running);
  try {
    for (const phase of [showLive, breakKafka, killRelay]) {
      await phase(running, recorder, signal);
      signal.throwIfAborted();
    }
    const report = await recorder.report();
    printTable(report);
    return report.held ? 0 : 1;
  } finally {
    await recorder.stop();
  }
}
