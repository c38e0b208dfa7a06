/** The group has members: its offsets belong to them. */
export class GroupHasMembersError extends Error {
  override readonly name = 'GroupHasMembersError';

  constructor(groupId: string, options?: ErrorOptions) {
    super(`consumer group ${groupId} has members`, options);
  }
}

export class GroupNotFoundError extends Error {
  override readonly name = 'GroupNotFoundError';

  constructor(groupId: string, options?: ErrorOptions) {
    super(`there is no consumer group ${groupId}`, options);
  }
}

/** The generation is over: another member may have the partitions, and what was not committed. */
export class GroupMembershipLostError extends Error {
  override readonly name = 'GroupMembershipLostError';

  constructor(groupId: string) {
    super(`this member's generation of consumer group ${groupId} is over`);
  }
}
