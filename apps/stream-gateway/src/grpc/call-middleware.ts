import type { Logger } from '@order-events/runtime';
import { type ServerMiddleware, ServerError, Status } from 'nice-grpc-common';
import { StreamError } from '../stream/stream-error.ts';
import type { CallWires } from './call-wires.ts';
import { toServerError } from './status.ts';

export interface CallMiddlewareOptions {
  /** Aborts when calls of other services than ours must end: health watches go on for ever. */
  readonly ended: AbortSignal;
  /** Whether new calls of our services are refused. */
  readonly isDraining: () => boolean;
  readonly wires: Pick<CallWires, 'find'>;
  readonly onCallEnded: (method: string, code: string) => void;
  readonly log: Logger;
}

const OWN_SERVICES = '/orders.v1.';

/** Around every call: refuses it while the server stops, turns what it throws into a status, counts it. */
export function createCallMiddleware(options: CallMiddlewareOptions): ServerMiddleware {
  return async function* (call, context) {
    const { path } = call.method;
    const isOwn = path.startsWith(OWN_SERVICES);
    const wire = options.wires.find(context.metadata);
    let code = Status.OK;
    try {
      if (isOwn && options.isDraining()) throw draining();
      // Our own streams end by their registry, with a token.
      const signal = isOwn ? context.signal : AbortSignal.any([context.signal, options.ended]);
      return yield* call.next(call.request, { ...context, signal });
    } catch (error: unknown) {
      const answer = answerTo(error, context.signal, context.trailer);
      code = answer.code;
      throw answer;
    } finally {
      options.onCallEnded(
        path,
        Status[wire?.endedWith() ?? (context.signal.aborted ? Status.CANCELLED : code)],
      );
    }

    function answerTo(error: unknown, client: AbortSignal, trailer: typeof context.trailer): ServerError {
      if (client.aborted) return new ServerError(Status.CANCELLED, 'the client has cancelled the call');
      const known = toServerError(error, trailer);
      if (known) return known;
      if (options.ended.aborted) return new ServerError(Status.UNAVAILABLE, 'this server is stopping');
      options.log.error({ err: error, method: path }, 'call failed');
      return new ServerError(Status.INTERNAL, 'internal error');
    }
  };
}

function draining(): StreamError {
  return new StreamError('DRAINING', 'this server is stopping: connect to another one');
}
