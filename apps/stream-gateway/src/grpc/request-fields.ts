import { isPossibleId, MAX_CUSTOMER_ID_LENGTH } from '@order-events/domain';
import {
  type OrderFilter,
  type StartPosition as StartPositionMessage,
  toMilliseconds,
  type WatchOrdersRequest,
} from '@order-events/order-stream';
import { EVENT_TYPE_NAMES, STATUS_NAMES } from '../order-enums.ts';
import type { StartPosition } from '../position/start-position.ts';
import { type FieldViolation, InvalidRequestError } from './invalid-request-error.ts';

/** A request may have thousands of wrong fields; an answer must stay small. */
const MAX_NAMED = 10;
const MAX_FILTER_VALUES = 1_000;
const DEFAULT_BATCH_SIZE = 256;
const MAX_BATCH_SIZE = 1_000;
const DEFAULT_HEARTBEAT_MS = 15_000;
const MIN_HEARTBEAT_MS = 1_000;
const MAX_HEARTBEAT_MS = 60_000;
/** A client's clock may be ahead by so much; its start time then means now. */
const CLOCK_MARGIN_MS = 60_000;

/** Says that a field is wrong, and what is right. */
export type Refuse = (field: string, description: string) => void;

/**
 * Reads a request, or the part of it at `path` ("open."), field by field. Throws an InvalidRequestError that names the first fields
 * that `read` has refused, with their paths, and counts the others.
 */
export function readFields<T>(path: string, read: (refuse: Refuse) => T): T {
  const violations: FieldViolation[] = [];
  let total = 0;
  const fields = read((field, description) => {
    total += 1;
    if (violations.length < MAX_NAMED) violations.push({ field: path + field, description });
  });
  if (total > 0) throw new InvalidRequestError(violations, total);
  return fields;
}

export function checkFilter(filter: OrderFilter | undefined, refuse: Refuse): void {
  const { statuses = [], orderIds = [], customerIds = [], eventTypes = [] } = filter ?? {};
  checkNames('filter.statuses', statuses, Object.values(STATUS_NAMES), refuse);
  checkNames('filter.event_types', eventTypes, Object.values(EVENT_TYPE_NAMES), refuse);
  checkIds('filter.order_ids', orderIds, refuse);
  checkIds('filter.customer_ids', customerIds, refuse);
}

function checkNames(field: string, names: readonly string[], known: readonly string[], refuse: Refuse): void {
  if (!hasRoom(field, names, refuse)) return;
  names.forEach((name, index) => {
    if (!known.includes(name)) refuse(`${field}[${index}]`, `must be one of ${known.join(', ')}`);
  });
}

function checkIds(field: string, ids: readonly string[], refuse: Refuse): void {
  if (!hasRoom(field, ids, refuse)) return;
  ids.forEach((id, index) => {
    // Ids of orders are shorter.
    if (id.length === 0 || id.length > MAX_CUSTOMER_ID_LENGTH) {
      refuse(`${field}[${index}]`, `must have 1 to ${MAX_CUSTOMER_ID_LENGTH} characters`);
    } else if (!isPossibleId(id, MAX_CUSTOMER_ID_LENGTH)) {
      refuse(`${field}[${index}]`, 'must have no control characters');
    }
  });
}

function hasRoom(field: string, values: readonly string[], refuse: Refuse): boolean {
  if (values.length <= MAX_FILTER_VALUES) return true;
  refuse(field, `must have at most ${MAX_FILTER_VALUES} values, found ${values.length}`);
  return false;
}

/** Undefined when the client has left it to the server. `field` is the name of the field that holds it. */
export function parseStart(
  start: StartPositionMessage | undefined,
  nowMs: number,
  refuse: Refuse,
  field = 'start',
): StartPosition | undefined {
  const position = start?.position;
  switch (position?.$case) {
    case undefined:
      return undefined;
    case 'latest':
    case 'earliest':
      if (!position.value) refuse(`${field}.${position.$case}`, 'must be true; leave it out otherwise');
      return { kind: position.$case };
    case 'startTime': {
      const logTimeMs = position.value.getTime();
      // Not a number: beyond what a Date can hold.
      if (!(logTimeMs >= 0 && logTimeMs <= nowMs + CLOCK_MARGIN_MS)) {
        refuse(`${field}.start_time`, 'must be a time from 1970 to now');
      }
      return { kind: 'log time', logTimeMs: Math.floor(logTimeMs) };
    }
    case 'resumeToken':
      return { kind: 'token', token: position.value };
  }
}

export function parseHeartbeat(interval: WatchOrdersRequest['heartbeatInterval'], refuse: Refuse): number {
  if (!interval) return DEFAULT_HEARTBEAT_MS;
  const ms = toMilliseconds(interval);
  if (ms < 0) refuse('heartbeat_interval', 'must not be negative');
  return Math.min(MAX_HEARTBEAT_MS, Math.max(MIN_HEARTBEAT_MS, ms));
}

export function parseBatchSize(size: number, refuse: Refuse): number {
  if (size > MAX_BATCH_SIZE) {
    refuse('max_batch_size', `must be 1 to ${MAX_BATCH_SIZE}, or 0 for ${DEFAULT_BATCH_SIZE}`);
  }
  return size === 0 ? DEFAULT_BATCH_SIZE : size;
}
