import { brokenRule, brokenStep } from './invariants.ts';
import { settleFairly } from './settling.ts';
import { nextSteps } from './steps.ts';
import type { Rules, World } from './world.ts';
import { worldKey } from './world-key.ts';

export interface SearchResult {
  readonly states: number;
  readonly depth: number;
  /** Whether there was nothing left to look at. */
  readonly exhausted: boolean;
  /** What went wrong first, with the steps that lead to it; undefined when nothing did. */
  readonly broken: string | undefined;
}

/** What becomes of a state when nothing more goes wrong is followed for one state in so many: it costs as much as many steps. */
const SETTLED_EVERY = 20;

interface Visited {
  readonly world: World;
  readonly step: string;
  readonly from: Visited | undefined;
}

/** Breadth-first over everything that can happen, until something is wrong or `maxStates` are seen. */
export function search(start: World, rules: Rules, maxStates: number): SearchResult {
  const seen = new Set([worldKey(start)]);
  let frontier: Visited[] = [{ world: start, step: 'start', from: undefined }];
  let depth = 0;
  const result = (broken?: string, exhausted = false) => ({ states: seen.size, depth, exhausted, broken });
  while (frontier.length > 0) {
    const next: Visited[] = [];
    for (const from of frontier) {
      for (const [step, world] of nextSteps(from.world, rules)) {
        const visited = { world, step, from };
        // Also of a step to a state that is known.
        const wrongStep = brokenStep(from.world, world);
        if (wrongStep !== undefined) return result(`${wrongStep}\n${trace(visited)}`);
        const key = worldKey(world);
        if (seen.has(key)) continue;
        const broken =
          brokenRule(world) ?? (seen.size % SETTLED_EVERY === 0 ? settleFairly(world, rules) : undefined);
        if (broken !== undefined) return result(`${broken}\n${trace(visited)}`);
        seen.add(key);
        if (seen.size >= maxStates) return result();
        next.push(visited);
      }
    }
    frontier = next;
    depth += 1;
  }
  return result(undefined, true);
}

function trace(last: Visited): string {
  const steps: string[] = [];
  for (let visited: Visited | undefined = last; visited; visited = visited.from) steps.push(visited.step);
  return steps.reverse().join(' → ');
}
