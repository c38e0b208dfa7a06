import type { Order } from '@order-events/domain';
import type { Request } from 'express';
import { etagOf } from './order-json.ts';
import { Problem } from './problem.ts';
import { faultyInput } from './request-input.ts';

interface EntityTag {
  readonly weak: boolean;
  readonly tag: string;
}

type EntityTags = '*' | readonly EntityTag[];

/** What a request says of the state that its target must be in (RFC 9110, section 13). */
export interface Preconditions {
  readonly ifMatch: EntityTags | undefined;
  readonly ifNoneMatch: EntityTags | undefined;
  /** Undefined beside If-Match, which says the same more precisely, and when it is no date: the RFC has it ignored then. */
  readonly ifUnmodifiedSinceMs: number | undefined;
}

const TAG = /(W\/)?("[\x21\x23-\x7e\x80-\xff]*")/y;
const BETWEEN_TAGS = /[ \t]*(?:,[ \t]*)+|[ \t]*$/y;
const BEFORE_TAGS = /[ \t,]*/y;

/** The preconditions of a request; throws a Problem where a header has no tags in it. */
export function preconditionsOf(request: Request): Preconditions {
  const ifMatch = tagsOf(request, 'if-match');
  const date = Date.parse(request.get('if-unmodified-since') ?? '');
  return {
    ifMatch,
    ifNoneMatch: tagsOf(request, 'if-none-match'),
    ifUnmodifiedSinceMs: ifMatch !== undefined || Number.isNaN(date) ? undefined : date,
  };
}

/** Whether an order is as a change of it wants it. */
export function isMetBy(preconditions: Preconditions, order: Order): boolean {
  const { ifMatch, ifNoneMatch, ifUnmodifiedSinceMs } = preconditions;
  const tag = etagOf(order);
  // A weak tag tells that something is much the same; a change wants to know that it is the same.
  if (ifMatch && !(ifMatch === '*' || ifMatch.some((one) => !one.weak && one.tag === tag))) return false;
  if (ifNoneMatch && (ifNoneMatch === '*' || ifNoneMatch.some((one) => one.tag === tag))) return false;
  // HTTP's dates have no parts of a second.
  const updatedMs = Math.floor(order.updatedAt.getTime() / 1000) * 1000;
  return ifUnmodifiedSinceMs === undefined || updatedMs <= ifUnmodifiedSinceMs;
}

/** Throws a Problem when the list of orders, which is always there and has no one state, is not what a request wants. */
export function requireMetByList({ ifMatch, ifNoneMatch }: Preconditions): void {
  if ((ifMatch === undefined || ifMatch === '*') && ifNoneMatch !== '*') return;
  throw new Problem(
    'precondition_failed',
    'a new order cannot depend on a state of the list: leave If-Match and If-None-Match out, Idempotency-Key keeps it from being placed twice',
  );
}

/**
 * Whether the client has what it asks for: If-None-Match names the tag of it. Looked at here because Express takes `Cache-Control: no-cache`
 * for a wish to have it again, and every `fetch` with If-None-Match sends that. What has no tags in it is no condition for who reads.
 */
export function hasAlready(request: Request, etag: string): boolean {
  const tags = parsedTags(request.get('if-none-match')?.trim() ?? '');
  const opaque = etag.replace(/^W\//, '');
  return tags === '*' || (tags?.some(({ tag }) => tag === opaque) ?? false);
}

function tagsOf(request: Request, name: 'if-match' | 'if-none-match'): EntityTags | undefined {
  const given = request.get(name)?.trim();
  if (given === undefined) return undefined;
  const tags = parsedTags(given);
  if (!tags) throw notTags(name);
  return tags;
}

/** Undefined when it is no list of tags. */
function parsedTags(given: string): EntityTags | undefined {
  if (given === '*') return given;
  const tags: EntityTag[] = [];
  BEFORE_TAGS.lastIndex = 0;
  BEFORE_TAGS.test(given);
  for (let at = BEFORE_TAGS.lastIndex; at < given.length; at = BETWEEN_TAGS.lastIndex) {
    TAG.lastIndex = at;
    const [, weak, tag] = TAG.exec(given) ?? [];
    BETWEEN_TAGS.lastIndex = TAG.lastIndex;
    if (tag === undefined || !BETWEEN_TAGS.test(given)) return undefined;
    tags.push({ weak: weak !== undefined, tag });
  }
  return tags.length > 0 ? tags : undefined;
}

function notTags(name: string): Problem {
  const detail = 'must be ETags of the order in quotes, such as "v3", separated by commas, or *';
  return faultyInput('headers', [{ pointer: `/headers/${name}`, detail }]);
}
