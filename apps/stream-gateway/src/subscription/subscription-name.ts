const PREFIX = 'orders-stream.';
/** Neither in names of subscriptions nor in those of topics: so no two of either share a group, nor is one an older group's. */
const SEPARATOR = ':';
const NAME = /^[a-z0-9._-]{1,200}$/;

export const SUBSCRIPTION_NAME_RULE = "must have 1 to 200 characters of a-z, 0-9, '.', '_', '-'";

export function isSubscriptionName(name: string): boolean {
  return NAME.test(name);
}

/** The consumer group that a subscription of a topic is. */
export function subscriptionGroupId(topic: string, name: string): string {
  return PREFIX + topic + SEPARATOR + name;
}

/** The group that it was for older gateways, whose topics shared the names. */
export function olderGroupId(name: string): string {
  return PREFIX + name;
}

/** The name of the subscription of this topic that a group is; undefined for other groups, older ones among them. */
export function subscriptionOfGroup(topic: string, groupId: string): string | undefined {
  return nameAfter(subscriptionGroupId(topic, ''), groupId);
}

/** The name of the subscription, of whichever topic, that a group was for older gateways; undefined for other groups. */
export function subscriptionOfOlderGroup(groupId: string): string | undefined {
  return nameAfter(PREFIX, groupId);
}

function nameAfter(prefix: string, groupId: string): string | undefined {
  const name = groupId.startsWith(prefix) ? groupId.slice(prefix.length) : '';
  return isSubscriptionName(name) ? name : undefined;
}
