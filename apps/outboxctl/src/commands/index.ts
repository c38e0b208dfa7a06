import type { Command } from '../command.ts';
import { parkedDiscard, parkedList, parkedRequeue, parkedShow } from './parked.ts';
import { pause, resume } from './pause.ts';
import { status } from './status.ts';

/** In the order of the help. */
export const COMMANDS: readonly Command[] = [
  status,
  pause,
  resume,
  parkedList,
  parkedShow,
  parkedRequeue,
  parkedDiscard,
];
