import { join } from 'node:path';
import { MARKED_OUTBOX } from '../bench-relay/outbox-tables.ts';
import { startPeerProcess } from './peer-process.ts';
import type { Peer } from './peer.ts';

/** The loop that most tutorials have, with kafkajs's producer: see claim-send-mark-main.ts. */
export const claimSendMark: Peer = {
  name: 'claim-send-mark',
  table: MARKED_OUTBOX,
  async start(context, { databaseUrl, topic }) {
    const [broker = ''] = context.servers.kafka.brokers;
    const main = join(import.meta.dirname, 'claim-send-mark-main.ts');
    // kafkajs 2.2.4 sets timers to negative times, of which Node would warn.
    return startPeerProcess(
      context,
      process.execPath,
      ['--no-warnings', main, databaseUrl, broker, topic],
      '/dev/null',
    );
  },
};
