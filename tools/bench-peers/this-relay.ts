import { startBenchRelay, stopBenchRelay } from '../bench-relay/bench-relay-process.ts';
import { OUTBOX } from '../bench-relay/outbox-tables.ts';
import type { Peer } from './peer.ts';

/** With the settings it comes with. */
export const thisRelay: Peer = {
  name: 'this relay',
  table: OUTBOX,
  async start(context, place) {
    const relay = await startBenchRelay(context, place);
    return {
      pid: relay.pid,
      stop: () => stopBenchRelay(relay),
      async kill() {
        relay.kill('SIGKILL');
        await relay.exited;
      },
    };
  },
};
