import type { RequestHandler } from 'express';
import { Problem } from './problem.ts';

/** Before anything is done: a change whose answer cannot be read would be made again. */
export const requireJsonAccepted: RequestHandler = (request, _response, next) => {
  if (request.method !== 'OPTIONS' && !request.accepts('application/json')) {
    throw new Problem('not_acceptable', 'answers are application/json: say so in Accept, or leave it out');
  }
  next();
};
