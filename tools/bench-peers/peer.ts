import type { BenchContext } from '../bench-relay/bench-part.ts';
import type { OutboxTable } from '../bench-relay/outbox-tables.ts';

export interface PeerPlace {
  readonly databaseUrl: string;
  readonly topic: string;
}

/** A process that publishes what stands in an outbox. */
export interface RunningPeer {
  readonly pid: number;
  stop(): Promise<void>;
  /** As `kill -9` does; resolves when it is gone. */
  kill(): Promise<void>;
}

export interface Peer {
  readonly name: string;
  readonly table: OutboxTable;
  /** With its table there, and before anything is written to it: from here on it misses nothing. */
  prepare?(context: BenchContext, databaseUrl: string): Promise<void>;
  /** Started again at the same place, it goes on where it was. */
  start(context: BenchContext, place: PeerPlace): Promise<RunningPeer>;
}
