import * as runState from '../src/run/partition-run-state.ts';
import type { AttendResult, DeliverResult, RunState } from '../src/run/partition-run-state.ts';

export type RunMachine = typeof runState;

/** Pages that there are to publish; every second one ends a window. */
const PAGES = 4;
const PAGES_OF_WINDOW = 2;
/** Steps in which everything has come to rest when nothing more goes wrong. */
const MAX_STEPS_TO_REST = 40;

/** One partition with its worker: `published` pages are behind the checkpoint, `read` ones are queued, in hand or published. */
interface World {
  readonly state: RunState;
  readonly published: number;
  readonly read: number;
  readonly inHand: number | undefined;
  readonly underWay: 'claim' | 'attend' | 'deliver' | undefined;
  readonly ended: boolean;
  /** What the rules need to remember. */
  readonly attendedSinceClaim: boolean;
  readonly attendsInTurn: number;
  readonly pagesWhileWanted: number;
}

interface Move {
  readonly name: string;
  readonly to: World;
  readonly broken?: string | undefined;
}

export interface RunSearch {
  readonly states: number;
  /** The first broken rule, with the moves that lead to it. */
  readonly broken: string | undefined;
}

const START: World = {
  state: runState.RUN_AT_START,
  published: 0,
  read: 0,
  inHand: undefined,
  underWay: undefined,
  ended: false,
  attendedSinceClaim: false,
  attendsInTurn: 0,
  pagesWhileWanted: 0,
};

/** Looks at everything that can happen to one partition's run, and answers what breaks a rule first. */
export function searchRuns(machine: RunMachine): RunSearch {
  const traces = new Map<string, string>([[JSON.stringify(START), 'start']]);
  const worlds: World[] = [START];
  const traceOf = (world: World) => traces.get(JSON.stringify(world)) ?? '';
  const result = (broken?: string) => ({ states: worlds.length, broken });
  // It grows while it is walked: breadth first, so that the first trace is a shortest one.
  for (const world of worlds) {
    for (const { name, to, broken } of [...workerMoves(machine, world), ...outsideMoves(machine, world)]) {
      const trace = `${traceOf(world)} → ${name}`;
      if (broken !== undefined) return result(`${broken}\n${trace}`);
      const key = JSON.stringify(to);
      if (traces.has(key)) continue;
      traces.set(key, trace);
      worlds.push(to);
    }
  }
  for (const world of worlds) {
    const problem = comesToRest(machine, world);
    if (problem !== undefined) return result(`${problem}\n${traceOf(world)}`);
  }
  return result();
}

function aheadOf({ published, read, inHand }: World): runState.ReadAhead {
  return { isEmpty: read === (inHand ?? published), isAtWindowEnd: published % PAGES_OF_WINDOW === 0 };
}

function workerMoves(machine: RunMachine, world: World): Move[] {
  if (world.ended) return [];
  const { state } = world;
  const done = { ...world, underWay: undefined };
  if (world.underWay === 'claim') {
    const claimed = { ...done, state: machine.claimed(state), attendedSinceClaim: false, attendsInTurn: 0 };
    return [
      { name: 'claimed', to: claimed },
      { name: 'claim failed', to: done },
    ];
  }
  if (world.underWay === 'attend') {
    const results: AttendResult[] = ['done', 'more', 'held', 'unclaimed'];
    const attended = results.map((result) => ({
      name: `attended, ${result}`,
      to: {
        ...done,
        state: machine.attended(state, result),
        attendedSinceClaim: world.attendedSinceClaim || result !== 'unclaimed',
      },
    }));
    return [...attended, { name: 'attend failed', to: { ...done, state: machine.attendFailed(state) } }];
  }
  if (world.underWay === 'deliver') {
    const results: DeliverResult[] = ['published', 'held', 'unclaimed'];
    return results.map((result) => {
      const known = { ...done, state: machine.delivered(state, result) };
      const to =
        result === 'published'
          ? { ...known, published: world.inHand ?? world.published, inHand: undefined }
          : known;
      return { name: result, to };
    });
  }
  return beginning(machine, world);
}

/** What the worker begins, with the rules of beginning. */
function beginning(machine: RunMachine, world: World): Move[] {
  const { state, published, attendsInTurn } = world;
  const ahead = aheadOf(world);
  const step = machine.nextStep(state, ahead);
  const name = `begins: ${step}`;
  const isOver = state.draining === 'acknowledged';
  if (step === 'end') {
    const isDone = isOver || (state.draining === 'window' && ahead.isEmpty && ahead.isAtWindowEnd);
    const broken =
      isDone && (isOver || world.inHand === undefined) ? undefined : 'ends before what it was to finish';
    return [{ name, to: { ...world, ended: true }, broken }];
  }
  if (isOver) return [{ name, to: world, broken: 'begins something although it is to end' }];
  if (step === 'wait') {
    const isIdle = ahead.isEmpty && !state.attentionWanted && world.inHand === undefined;
    return isIdle && state.phase === 'publishing'
      ? []
      : [{ name, to: world, broken: 'waits although there is something to do' }];
  }
  if (step === 'claim') {
    const to = { ...world, underWay: 'claim' as const, read: published, inHand: undefined };
    return [{ name, to }];
  }
  if (step === 'attend') {
    const inTurn = ahead.isEmpty || !world.attendedSinceClaim ? 0 : attendsInTurn + 1;
    const to = { ...world, state: machine.attending(state), underWay: 'attend' as const };
    const broken = inTurn > 1 ? 'operators are attended to again while pages wait' : undefined;
    return [{ name, to: { ...to, attendsInTurn: inTurn, pagesWhileWanted: 0 }, broken }];
  }
  const inHand = step === 'deliver' ? (world.inHand ?? published) + 1 : world.inHand;
  const pagesWhileWanted =
    step === 'deliver' && state.attentionWanted ? world.pagesWhileWanted + 1 : world.pagesWhileWanted;
  const to: World = { ...world, state: machine.delivering(state), underWay: 'deliver', inHand };
  return [
    {
      name,
      to: { ...to, attendsInTurn: 0, pagesWhileWanted },
      broken: brokenDelivery(world, inHand, pagesWhileWanted),
    },
  ];
}

function brokenDelivery(
  world: World,
  page: number | undefined,
  pagesWhileWanted: number,
): string | undefined {
  if (world.state.phase === 'unclaimed') return 'publishes without a claim';
  if (!world.attendedSinceClaim) return 'publishes before it knows what is parked';
  if (page !== world.published + 1) return `publishes page ${page} after page ${world.published}`;
  if (page > world.read) return `publishes page ${page}, which was not read`;
  if (pagesWhileWanted > 1) return 'publishes page after page while operators wait';
  return undefined;
}

/** What others do, at any moment. */
function outsideMoves(machine: RunMachine, world: World): Move[] {
  const { state, read } = world;
  if (world.ended) return [];
  const moves: Move[] = [];
  const ahead = aheadOf(world);
  const isInWindow = read % PAGES_OF_WINDOW !== 0;
  if (read < PAGES && machine.mayRead(state, ahead, isInWindow)) {
    let broken: string | undefined;
    if (state.phase === 'unclaimed' || state.phase === 'held') broken = `reads while it is ${state.phase}`;
    else if (state.draining === 'window' && !isInWindow) broken = 'begins a window although it is to end';
    moves.push({ name: 'a page is read', to: { ...world, read: read + 1 }, broken });
  }
  moves.push({ name: 'operators ask', to: { ...world, state: machine.attentionRequested(state) } });
  if (state.phase !== 'unclaimed')
    moves.push({ name: 'the fence is old', to: { ...world, state: machine.unclaimed(state) } });
  for (const until of ['window', 'acknowledged'] as const) {
    if (state.draining === 'acknowledged') continue;
    const halts = until === 'acknowledged' && state.phase === 'unclaimed';
    moves.push({
      name: `drain: ${until}`,
      to: { ...world, state: machine.drainRequested(state, until), ended: halts },
    });
  }
  return moves;
}

const GOOD = /^(claimed|attended, done|published|a page is read|begins: .*)$/;

/** When nothing goes wrong any more and nobody asks for anything, everything is published, or the run has ended. */
function comesToRest(machine: RunMachine, from: World): string | undefined {
  let world = from;
  for (let step = 0; step < MAX_STEPS_TO_REST; step += 1) {
    const moves = [...workerMoves(machine, world), ...outsideMoves(machine, world)];
    const next = moves.find(({ name, broken }) => broken === undefined && GOOD.test(name));
    if (!next) return restProblem(world);
    world = next.to;
  }
  return 'does not come to rest';
}

function restProblem({ state, ended, published }: World): string | undefined {
  if (ended) return undefined;
  if (state.draining !== undefined) return 'was to end and waits';
  if (state.attentionWanted) return 'operators wait for ever';
  return published === PAGES ? undefined : `only ${published} of ${PAGES} pages are published`;
}
