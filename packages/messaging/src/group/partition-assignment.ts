import type { GroupMemberClaim } from '../wire/group-membership.ts';

/**
 * Shares the partitions evenly among the members, at most one more for one than for another, and moves as few as that allows: each
 * keeps what it had, up to its share. Every member is in the answer. Of two that claim the same partition the first by id has it.
 */
export function assignPartitions(
  members: readonly GroupMemberClaim[],
  partitionCount: number,
): Map<string, number[]> {
  const free = new Set(Array(partitionCount).keys());
  const claims = members
    .toSorted((one, other) => (one.memberId < other.memberId ? -1 : 1))
    .map(({ memberId, held }) => ({ memberId, kept: held.filter((partition) => free.delete(partition)) }));
  const share = Math.floor(partitionCount / members.length);
  const largerShares = partitionCount % members.length;
  // Those who have most keep one more.
  const byMost = claims.toSorted((one, other) => other.kept.length - one.kept.length);
  const quotas = byMost.map((claim, rank) => ({ ...claim, quota: rank < largerShares ? share + 1 : share }));
  for (const { kept, quota } of quotas) for (const surplus of kept.splice(quota)) free.add(surplus);
  const unassigned = [...free].toSorted((one, other) => one - other);
  return new Map(
    quotas.map(({ memberId, kept, quota }) => {
      const partitions = [...kept, ...unassigned.splice(0, quota - kept.length)];
      return [memberId, partitions.toSorted((one, other) => one - other)];
    }),
  );
}
