const PREFIX = 'orders-stream.';
const NAME = /^[a-z0-9._-]{1,200}$/;

export const SUBSCRIPTION_NAME_RULE = "must have 1 to 200 characters of a-z, 0-9, '.', '_', '-'";

export function isSubscriptionName(name: string): boolean {
  return NAME.test(name);
}

/** The consumer group that a subscription is. */
export function subscriptionGroupId(name: string): string {
  return PREFIX + name;
}

/** The name of the subscription that a consumer group is; undefined for other groups. */
export function subscriptionOfGroup(groupId: string): string | undefined {
  const name = groupId.startsWith(PREFIX) ? groupId.slice(PREFIX.length) : '';
  return isSubscriptionName(name) ? name : undefined;
}
