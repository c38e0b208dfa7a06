import { UsageError } from './outcome.ts';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const RFC_3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
const MAX_INT8 = 2n ** 63n - 1n;

/** `500ms`, `30s`, `5m`, `2h`, `1d` in milliseconds. Each of these functions throws a UsageError that names what was given. */
export function parseDuration(name: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  const unitMs = UNIT_MS[match?.[2] ?? ''];
  if (match?.[1] === undefined || unitMs === undefined) {
    throw new UsageError(`${name} must be a duration such as 30s, 5m or 2h, found "${text}"`);
  }
  return Number(match[1]) * unitMs;
}

/** An RFC 3339 time, or a duration back from `now`. */
export function parseSince(name: string, text: string, now: Date): Date {
  if (/^\d+(\.\d+)?(ms|s|m|h|d)$/.test(text)) return new Date(now.getTime() - parseDuration(name, text));
  const time = RFC_3339.test(text) ? new Date(text) : undefined;
  if (time === undefined || Number.isNaN(time.getTime())) {
    throw new UsageError(
      `${name} must be a time such as 2026-02-17T10:00:00Z, or a duration such as 2h, found "${text}"`,
    );
  }
  return time;
}

export function parsePartition(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`a partition is a whole number, found "${text}"`);
  return Number(text);
}

export function parsePositive(name: string, text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new UsageError(`${name} must be a whole number from 1, found "${text}"`);
  return Number(text);
}

export function parseSeq(name: string, text: string): bigint {
  const seq = /^\d{1,19}$/.test(text) ? BigInt(text) : undefined;
  if (seq === undefined || seq > MAX_INT8)
    throw new UsageError(`${name} must be a seq of the outbox, found "${text}"`);
  return seq;
}

export function parseUuid(name: string, text: string): string {
  if (!UUID.test(text)) throw new UsageError(`${name} must be a UUID, found "${text}"`);
  return text.toLowerCase();
}
