import { setTimeout as pause } from 'node:timers/promises';
import type { AlertFault } from './alert-fault.ts';

const FROZEN_MS = 3_000;
const BETWEEN_MS = 1_500;

/** Processes and servers that are away. */
export const PROCESS_FAULTS: readonly AlertFault[] = [
  {
    name: 'the only relay is killed',
    alerts: ['RelayAbsent'],
    async inject({ system }) {
      const relay = system.relay();
      relay.kill('SIGKILL');
      await relay.exited;
      return () => system.replaceRelay();
    },
  },
  {
    name: 'the only gateway is frozen',
    alerts: ['GatewayAbsent'],
    async inject({ system }) {
      system.gateway.kill('SIGSTOP');
      return async () => system.gateway.kill('SIGCONT');
    },
  },
  {
    name: 'Kafka is stopped under load',
    alerts: [
      ...[
        'RelayBacklogOld',
        'RelayPartitionBehind',
        'RelayUnhealthy',
        'RelayCanaryLost',
        'RelayCompletenessStands',
      ],
      ...['GatewaySourceUnavailable', 'GatewayCompletenessStands'],
    ],
    async inject({ system }) {
      await system.kafka.stop();
      return () => system.kafka.start();
    },
  },
  {
    name: 'Kafka stands still for three seconds, again and again',
    alerts: ['RelayDeliverySlow', 'GatewayDeliverySlow'],
    async inject({ system }) {
      const mended = new AbortController();
      const done = freezeOften(system.kafka.pid, mended.signal);
      return async () => {
        mended.abort();
        await done;
      };
    },
  },
  {
    name: 'PostgreSQL is stopped',
    alerts: ['RelayMeasurementsOld', 'GatewayCompletenessStands'],
    async inject({ system }) {
      await system.postgres.stop();
      return () => system.postgres.restart();
    },
  },
];

async function freezeOften(pid: number | undefined, signal: AbortSignal): Promise<void> {
  if (pid === undefined) throw new Error('it does not run');
  while (!signal.aborted) {
    process.kill(pid, 'SIGSTOP');
    await pause(FROZEN_MS);
    process.kill(pid, 'SIGCONT');
    await pause(BETWEEN_MS, undefined, { signal }).catch(() => undefined);
  }
}
