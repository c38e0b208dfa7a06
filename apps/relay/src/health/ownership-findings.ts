import type { FindingBoard } from './finding-board.ts';
import { cutOffFindings } from './cut-off.ts';
import { lockedRows } from './locked-rows.ts';

/** Tells what a relay finds about its leases. */
export function ownershipFindings(board: FindingBoard) {
  return {
    onLocked: (partitions: readonly number[]) => board.put('locked rows', lockedRows(partitions)),
    onGaveWay: (gaveWay: boolean) => board.put('cut off', cutOffFindings(gaveWay)),
  };
}
