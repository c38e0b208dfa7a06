import type { GroupClient } from '../wire/group.ts';

/** The group has members: its offsets belong to them. */
export class GroupHasMembersError extends Error {
  override readonly name = 'GroupHasMembersError';

  constructor(groupId: string, options?: ErrorOptions) {
    super(`consumer group ${groupId} has members`, options);
  }
}

/** Members that are none of this package, or of another topic: what is assigned to them nobody here gets. */
export class GroupHasForeignMembersError extends Error {
  override readonly name = 'GroupHasForeignMembersError';
  readonly clients: readonly GroupClient[];

  constructor(groupId: string, clients: readonly GroupClient[], options?: ErrorOptions) {
    super(`consumer group ${groupId} has foreign members: ${clientList(clients)}`, options);
    this.clients = clients;
  }
}

const MAX_NAMED_CLIENTS = 5;

function clientList(clients: readonly GroupClient[]): string {
  if (clients.length === 0) return 'of a kind that Kafka does not show';
  const named = clients.slice(0, MAX_NAMED_CLIENTS).map(({ clientId, host }) => `${clientId} at ${host}`);
  const more = clients.length - named.length;
  return named.join(', ') + (more > 0 ? ` and ${more} more` : '');
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
