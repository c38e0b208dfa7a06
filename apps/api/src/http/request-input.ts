import { randomBytes } from 'node:crypto';
import type { Request } from 'express';
import type { z } from 'zod';
import { Problem } from './problem.ts';

type Place = 'body' | 'path' | 'query';

/** Checks a part of the request; throws a Problem that points at every fault. */
export function checked<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  place: Place,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const prefix = place === 'body' ? [] : [place];
  const errors = result.error.issues.map((issue) => ({
    pointer: [...prefix, ...issue.path]
      .map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`)
      .join(''),
    detail: issue.message,
  }));
  throw new Problem(
    'validation_failed',
    `the ${place} has ${errors.length === 1 ? 'a fault' : `${errors.length} faults`}`,
    {
      errors,
    },
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

const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The caller's W3C trace context, or a new one. */
export function traceparentOf(request: Request): string {
  const given = request.get('traceparent');
  if (given && TRACEPARENT.test(given)) return given;
  return `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`;
}

const VERSION_TAG = /^"v(\d{1,9})"$/;

/** The version that `If-Match` asks for; undefined when there is none or it takes any. */
export function expectedVersionOf(request: Request): number | undefined {
  const given = request.get('if-match');
  if (given === undefined || given.trim() === '*') return undefined;
  const version = VERSION_TAG.exec(given.trim())?.[1];
  if (version) return Number(version);
  throw new Problem('validation_failed', 'a header has a fault', {
    errors: [{ pointer: '/headers/if-match', detail: 'must be the ETag of the order, such as "v3"' }],
  });
}
