import type { Request, Response } from 'express';
import { hasAlready } from './preconditions.ts';

/** Answers a reader: with what `body` makes, or with 304 when that is what the client has. */
export function sendUnlessKnown(
  request: Request,
  response: Response,
  etag: string,
  body: () => object,
): void {
  response.set('ETag', etag);
  if (hasAlready(request, etag)) response.status(304).end();
  else response.json(body());
}
