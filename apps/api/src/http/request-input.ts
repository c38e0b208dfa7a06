import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import express, { type Request } from 'express';
import type { z } from 'zod';
import type { Caller } from '../orders/caller.ts';
import type { IdempotentRequest } from '../orders/idempotent-request.ts';
import { Problem, type ProblemDetail } from './problem.ts';
import { callerOf } from './request-caller.ts';

type Place = 'body' | 'path' | 'query' | 'headers';

const MAX_NAMED = 20;
const MAX_POINTER_LENGTH = 300;

/** Parses a JSON body; what is valid JSON and no object is the schema's business. */
export const parseJson = express.json({ limit: '512kb', strict: false, verify: requireUtf8 });

/** Decoded all the same, bytes that are none would become U+FFFD, and different ids the same. */
function requireUtf8(
  _request: IncomingMessage,
  _response: ServerResponse,
  body: Buffer,
  charset: string,
): void {
  if (charset !== 'utf-8')
    throw new Problem('unsupported_media_type', 'the body must be UTF-8 JSON, plain or compressed');
  if (!isUtf8(body)) throw new Problem('malformed_json', 'the body has bytes that are not UTF-8');
}

/** Throws a Problem when the query would be decoded to something else than was sent; Node puts U+FFFD for what it cannot decode. */
export function requireDecodableQuery(request: Request): void {
  const { search } = new URL(request.originalUrl, 'http://api');
  try {
    decodeURIComponent(search);
  } catch {
    throw new Problem('validation_failed', 'the query of the request is not percent-encoded UTF-8');
  }
}

/** Checks a part of the request; throws a Problem that points at every fault. */
export function checked<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  place: Place,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw faultyInput(
    place,
    result.error.issues.flatMap((issue) => detailsOf(issue, place)),
  );
}

/** The body, which must have been sent as JSON. */
export function bodyOf<Schema extends z.ZodType>(schema: Schema, request: Request): z.output<Schema> {
  // Null, not false, when there is no body: that is a fault of the body.
  if (request.is('application/json') === false) {
    throw new Problem('unsupported_media_type', 'send the body with content-type: application/json');
  }
  return checked(schema, request.body, 'body');
}

/** Names the first faults and counts all: a body may have a hundred thousand. */
export function faultyInput(place: Place, errors: readonly ProblemDetail[]): Problem {
  const count = errors.length === 1 ? 'a fault' : `${errors.length} faults`;
  const more = errors.length > MAX_NAMED ? `, ${MAX_NAMED} of them are named` : '';
  const named = errors.slice(0, MAX_NAMED);
  return new Problem('validation_failed', `the ${place} of the request has ${count}${more}`, {
    errors: named,
  });
}

/** A structured-field string, as the standard's draft has it, or the bare key. */
const IDEMPOTENCY_KEY = /^(?:"([ !#-[\]-~]{1,255})"|([!#-[\]-~]{1,255}))$/;

/**
 * The key that makes a request safe to repeat, with a fingerprint of what is asked for; undefined when there is none. `meaning` is the
 * request as it was understood, so that the same asked for in other words is the same.
 */
export function idempotencyOf(request: Request, meaning: object): IdempotentRequest | undefined {
  const given = request.get('idempotency-key');
  if (given === undefined) return undefined;
  const match = IDEMPOTENCY_KEY.exec(given);
  const key = match?.[1] ?? match?.[2];
  if (!key) {
    const detail = 'must be 1 to 255 printable ASCII characters without " and \\';
    throw faultyInput('headers', [{ pointer: '/headers/idempotency-key', detail }]);
  }
  const route: unknown = request.route?.path;
  return {
    key: keyOf(key, callerOf(request)),
    fingerprint: fingerprintOf([request.method, route, meaning]),
    // By the words of the request, as long as a version that did so can be upgraded from.
    formerFingerprint: fingerprintOf([request.method, request.path, request.get('if-match'), request.body]),
  };
}

function fingerprintOf(asked: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(asked)).digest('base64url');
}

/** Keys belong to whoever sends them. A key of nobody has no quotes, so it is never one of somebody. */
function keyOf(key: string, { subject, customerId }: Caller): string {
  return subject === undefined ? key : JSON.stringify([subject, customerId ?? null, key]);
}

function detailsOf(issue: z.core.$ZodIssue, place: Place): ProblemDetail[] {
  const path = place === 'body' ? issue.path : [place, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ pointer: pointerTo([...path, key]), detail: 'is not known here' }));
  }
  return [{ pointer: pointerTo(path), detail: issue.message }];
}

/** RFC 6901. The name of a field that is not known may be as long as the body; its beginning is enough to find it. */
function pointerTo(path: readonly PropertyKey[]): string {
  const pointer = path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
  return pointer.length <= MAX_POINTER_LENGTH ? pointer : `${pointer.slice(0, MAX_POINTER_LENGTH)}…`;
}
