import type { CommittedOffset, GroupOffsets } from '@order-events/messaging';
import { olderGroupId } from './subscription-name.ts';

/** What older gateways, which had no topic in the ids of groups, have left of a subscription of this topic. */
export interface OlderGroup {
  readonly committed: ReadonlyMap<number, CommittedOffset>;
  /** Streams that such gateways still have: what they are sent and acknowledge is not in `committed` yet. */
  readonly members: number;
}

/**
 * A subscription goes on from it once, while its own group has committed nothing. It is left as it is, so that an older gateway that
 * comes back does not begin anew. Members and commits of other topics in the same group are neither counted nor told.
 */
export async function readOlderGroup(
  offsets: Pick<GroupOffsets, 'describe' | 'fetch'>,
  name: string,
  signal?: AbortSignal,
): Promise<OlderGroup> {
  const groupId = olderGroupId(name);
  // The members first: what those commit who leave in between is seen.
  const members = (await offsets.describe(groupId, signal))?.members ?? 0;
  return { committed: await offsets.fetch(groupId, signal), members };
}
