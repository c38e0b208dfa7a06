import type { AlertRule, RuleFile } from './named-queries.ts';

/** How long an alert may have to be true before it fires, at most: a fault is injected for a minute, not for an hour. */
const LONGEST_FOR = '2s';
/** Of counters: what an alert counts in. It clears when so much time has passed without. */
export const WINDOW = '20s';
/** Limits of a quarter of an hour and more, and what is waited for instead. All others stay as they are. */
const SHORTER_LIMITS: Readonly<Record<string, readonly [string, string]>> = {
  RelayWriteTransactionOpen: ['> 900', '> 5'],
  GatewaySubscriptionStands: ['> 3600', '> 5'],
};

/** The rules, with less time to wait for them. What they ask for, and their limits but those above, are the same. */
export function shortenedRules({ groups }: RuleFile): RuleFile {
  return { groups: groups.map((group) => ({ ...group, rules: group.rules.map(shortenedRule) })) };
}

function shortenedRule(rule: AlertRule): AlertRule {
  const [limit, shorter] = SHORTER_LIMITS[rule.alert] ?? ['', ''];
  if (!rule.expr.includes(limit)) throw new Error(`${rule.alert} has no limit ${limit} any more`);
  const expr = rule.expr.replace(limit, shorter).replaceAll(/\[\d+[mh]\]/g, `[${WINDOW}]`);
  return { ...rule, expr, ...(rule.for === undefined ? {} : { for: LONGEST_FOR }) };
}
