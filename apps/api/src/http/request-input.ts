import { createHash } from 'node:crypto';
import express, { type Request } from 'express';
import type { z } from 'zod';
import type { IdempotentRequest } from '../orders/idempotent-request.ts';
import { Problem, type ProblemDetail } from './problem.ts';

type Place = 'body' | 'path' | 'query' | 'headers';

const MAX_NAMED = 20;
const MAX_POINTER_LENGTH = 300;

/** Parses a JSON body; what is valid JSON and no object is the schema's business. */
export const parseJson = express.json({ limit: '512kb', strict: false });

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

const VERSION_TAG = /^"v(\d{1,9})"$/;

/** The version that `If-Match` asks for; undefined when there is none or it takes any. */
export function expectedVersionOf(request: Request): number | undefined {
  const given = request.get('if-match')?.trim();
  if (given === undefined || given === '*') return undefined;
  const version = VERSION_TAG.exec(given)?.[1];
  if (version) return Number(version);
  const detail = 'must be the ETag of the order, such as "v3"';
  throw faultyInput('headers', [{ pointer: '/headers/if-match', detail }]);
}

/** A structured-field string, as the standard's draft has it, or the bare key. */
const IDEMPOTENCY_KEY = /^(?:"([ !#-[\]-~]{1,255})"|([!#-[\]-~]{1,255}))$/;

/** The key that makes a request safe to repeat, with a fingerprint of what is asked for; undefined when there is none. */
export function idempotencyOf(request: Request): IdempotentRequest | undefined {
  const given = request.get('idempotency-key');
  if (given === undefined) return undefined;
  const match = IDEMPOTENCY_KEY.exec(given);
  const key = match?.[1] ?? match?.[2];
  if (!key) {
    const detail = 'must be 1 to 255 printable ASCII characters without " and \\';
    throw faultyInput('headers', [{ pointer: '/headers/idempotency-key', detail }]);
  }
  const asked = JSON.stringify([request.method, request.path, request.get('if-match'), request.body]);
  return { key, fingerprint: createHash('sha256').update(asked).digest('base64url') };
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
