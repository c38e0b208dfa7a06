import type { Command } from '../command.ts';
import { heldDiscardUnreadable } from './held-discard-unreadable.ts';
import { heldDiscard, heldList, heldRequeue, heldShow } from './held.ts';
import { parkedDiscard, parkedList, parkedRequeue, parkedShow } from './parked.ts';
import { pause, resume } from './pause.ts';
import { rebase } from './rebase.ts';
import { replay, replayCancel, replayStatus } from './replay.ts';
import { resize } from './resize.ts';
import { status } from './status.ts';
import { verify } from './verify.ts';

/** In the order of the help. */
export const COMMANDS: readonly Command[] = [
  status,
  pause,
  resume,
  parkedList,
  parkedShow,
  parkedRequeue,
  parkedDiscard,
  heldList,
  heldShow,
  heldRequeue,
  heldDiscard,
  heldDiscardUnreadable,
  replay,
  replayStatus,
  replayCancel,
  verify,
  rebase,
  resize,
];
