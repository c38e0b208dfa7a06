import type { EventBlock } from './event-block.ts';
import { type HistoryPlace, turnAfter } from './history-turn.ts';
import { createNewcomerPause } from './newcomer-pause.ts';

/** A stream among those that read history together. */
export interface HistoryReader {
  /**
   * A block with one of the places; see History.read. Waits for the streams that read along to have read what they were given, but not
   * for one that is slow.
   */
  read(epoch: number, places: readonly HistoryPlace[]): Promise<EventBlock>;
  /** The stream reads no history at present: the others go on without it. What it waits for is not read, and rejects. */
  leave(): void;
}

export interface HistoryPass {
  join(): HistoryReader;
}

export interface HistoryPassOptions {
  /** Whether a block is in memory. */
  has(epoch: number, place: HistoryPlace): boolean;
  read(epoch: number, place: HistoryPlace): Promise<EventBlock>;
}

interface Ask {
  readonly epoch: number;
  readonly places: readonly HistoryPlace[];
  /** Reads for it, now. */
  begin(place: HistoryPlace): void;
  cancel(): void;
}

interface Member {
  ask: Ask | undefined;
  /** Its block is on its way: it waits for Kafka, not for its client. */
  isBeingRead: boolean;
  /** How often it was waited for in vain of late. */
  lateness: number;
  /** So many blocks it will read by itself: nobody waits for it, and it waits for nobody. */
  aloneReads: number;
  /** Rounds in which it has waited for those behind it. */
  heldRounds: number;
}

/** When nobody has come back for so long, those who are missing wait for their clients. */
const QUIET_MS = 50;
/** Kafka is given so long, of which a round waits no more. */
const MAX_FETCH_MS = 1_000;
/** However many come back in between: a round waits no longer. */
const MAX_ROUND_MS = 5_000;
/** Who is late again and again reads up to 2 ** 6 blocks by itself before it is waited for again. */
const MAX_LATENESS = 6;
/** In so many rounds a stream waits for those behind it: ever new ones may come. */
const MAX_HELD_ROUNDS = 500;
/** Turns of the event loop before a round. */
const STREAMS_PER_TURN = 8;
const MAX_TURNS = 64;

/**
 * Streams that read older events with different filters drift apart, and what one has read is forgotten before the next one comes to it.
 * So they read in rounds: what is not in memory is read from Kafka when each of them has read what it was given, and all that it wants
 * of what is in memory. All read the same partition then, the next one in each round. Who is a little behind is read for first.
 */
export function createHistoryPass({ has, read }: HistoryPassOptions): HistoryPass {
  const present = new Set<Member>();
  const asking = new Set<Member>();
  /** They were given a block, or are being read one, and have not asked again. */
  const awaited = new Set<Member>();
  const pause = createNewcomerPause();
  let [steps, roundBeganMs, turn] = [0, 0, -1];
  let isBeginning = false;
  let timer: NodeJS.Timeout | undefined;

  function goOn(): void {
    if (asking.size === 0) return;
    if (awaited.size === 0 && pause.isOver()) beginRound(Math.min(asking.size / STREAMS_PER_TURN, MAX_TURNS));
    else timer ??= setTimeout(look, QUIET_MS, steps, performance.now());
  }

  /** Others have the event loop first: it takes one new connection in a turn, and a round of many streams is a long turn. */
  function beginRound(turns: number): void {
    if (isBeginning) return;
    if (turns < 1) return serveRound();
    isBeginning = true;
    setImmediate(() => {
      isBeginning = false;
      if (awaited.size > 0 || asking.size === 0 || !pause.isOver()) goOn();
      else beginRound(turns - 1);
    });
  }

  function look(stepsBefore: number, setAtMs: number): void {
    timer = undefined;
    const nowMs = performance.now();
    // A look that comes late judges nobody: this process stood still, not the clients.
    const isQuiet = steps === stepsBefore && nowMs - setAtMs < 2 * QUIET_MS;
    const roundMs = nowMs - roundBeganMs;
    if (!pause.isOver()) roundBeganMs = nowMs;
    else if (isQuiet || roundMs > MAX_ROUND_MS) giveUpLate(roundMs > MAX_FETCH_MS);
    goOn();
  }

  function giveUpLate(alsoReads: boolean): void {
    for (const member of awaited) {
      if (member.isBeingRead && !alsoReads) continue;
      awaited.delete(member);
      if (member.isBeingRead) continue;
      member.lateness = Math.min(member.lateness + 1, MAX_LATENESS);
      member.aloneReads = 2 ** member.lateness;
    }
  }

  function serveRound(): void {
    const members = [...asking];
    const { partition, choose, isAhead } = turnAfter(
      turn,
      members.flatMap(({ ask }) => ask?.places ?? []),
    );
    turn = partition;
    for (const member of members) {
      const known = member.ask?.places.find((place) => has(member.ask?.epoch ?? 0, place));
      const place = known ?? choose(member.ask?.places ?? []);
      const waits = !known && place && member.heldRounds < MAX_HELD_ROUNDS && isAhead(place);
      if (waits) member.heldRounds += 1;
      else if (place) serve(member, place);
    }
  }

  function serve(member: Member, place: HistoryPlace): void {
    asking.delete(member);
    member.lateness = Math.max(0, member.lateness - 1);
    member.ask?.begin(place);
  }

  async function readFor(member: Member, epoch: number, place: HistoryPlace): Promise<EventBlock> {
    member.ask = undefined;
    if (member.aloneReads > 0) member.aloneReads -= 1;
    else awaited.add(member);
    member.isBeingRead = true;
    try {
      return await read(epoch, place);
    } catch (error) {
      leave(member);
      throw error;
    } finally {
      member.isBeingRead = false;
      steps += 1;
    }
  }

  function wait(member: Member, epoch: number, places: readonly HistoryPlace[]): Promise<EventBlock> {
    if (asking.size === 0) roundBeganMs = performance.now();
    return new Promise((resolve, reject) => {
      member.ask = {
        ...{ epoch, places },
        begin: (place) => resolve(readFor(member, epoch, place)),
        cancel: () => reject(new Error('the stream has left')),
      };
      asking.add(member);
      awaited.delete(member);
      goOn();
    });
  }

  function enter(member: Member): void {
    if (present.has(member)) return;
    if (present.size > 0) pause.came();
    present.add(member);
    member.heldRounds = 0;
  }

  function leave(member: Member): void {
    present.delete(member);
    asking.delete(member);
    member.ask?.cancel();
    member.ask = undefined;
    if (awaited.delete(member)) goOn();
  }

  return {
    join() {
      const member: Member = {
        ...{ ask: undefined, isBeingRead: false },
        ...{ lateness: 0, aloneReads: 0, heldRounds: 0 },
      };
      return {
        read(epoch, places) {
          steps += 1;
          enter(member);
          const known = places.find((place) => has(epoch, place));
          const place = known ?? (member.aloneReads > 0 ? places[0] : undefined);
          return place ? readFor(member, epoch, place) : wait(member, epoch, places);
        },
        leave: () => leave(member),
      };
    },
  };
}
