import { AccessError } from '@order-events/access';
import type { Logger, Tracing } from '@order-events/runtime';
import { type ServerMiddleware, ServerError, Status } from 'nice-grpc-common';
import type { StreamCaller } from '../stream/stream-caller.ts';
import { StreamError } from '../stream/stream-error.ts';
import type { Audit } from './audit.ts';
import type { CallAccess, CallerContext } from './call-access.ts';
import { recordCallSpan } from './call-span.ts';
import type { CallWires } from './call-wires.ts';
import { toServerError } from './status.ts';

export interface CallMiddlewareOptions {
  /** Aborts when calls of other services than ours must end: health watches go on for ever. */
  readonly ended: AbortSignal;
  /** Whether new calls of our services are refused. */
  readonly isDraining: () => boolean;
  readonly wires: Pick<CallWires, 'find'>;
  /** Undefined where access control is off. */
  readonly access: CallAccess | undefined;
  readonly audit: Audit;
  /** A limit has not let a call in. */
  readonly onRefused: (reason: StreamError['reason']) => void;
  readonly onCallEnded: (method: string, code: string) => void;
  /** Undefined makes no spans. */
  readonly tracing: Tracing | undefined;
  readonly log: Logger;
}

const OWN_SERVICES = '/orders.v1.';

/**
 * Around every call: refuses it while the server stops, and to whom it is not for, turns what it throws into a status, counts it. Health
 * and reflection are for everybody: balancers ask for the one, and the other tells what the contract says.
 */
export function createCallMiddleware(options: CallMiddlewareOptions): ServerMiddleware<CallerContext> {
  const { tracing } = options;
  return async function* (call, context) {
    const startTimeMs = tracing ? Date.now() : 0;
    const { path } = call.method;
    const isOwn = path.startsWith(OWN_SERVICES);
    const wire = options.wires.find(context.metadata);
    let caller: StreamCaller | undefined;
    let code = Status.OK;
    try {
      if (isOwn && options.isDraining()) throw draining();
      if (isOwn && options.access) {
        const authorization = (context.metadata.getAll('authorization') ?? []).map(String);
        caller = await options.access.identify({ authorization, peer: context.peer });
        await options.access.admit(caller, path);
      }
      // Our own streams end by their registry, with a token.
      const signal = isOwn ? context.signal : AbortSignal.any([context.signal, options.ended]);
      return yield* call.next(call.request, { ...context, signal, caller });
    } catch (error: unknown) {
      const answer = answerTo(error, context.signal, context.trailer);
      const refusal = refusalOf(error);
      if (refusal !== undefined) options.audit.refused(path, caller?.principal.subject, refusal);
      if (refusal === 'TOO_MANY_CALLS_OF_PRINCIPAL') options.onRefused(refusal);
      code = answer.code;
      throw answer;
    } finally {
      const status = wire?.endedWith() ?? (context.signal.aborted ? Status.CANCELLED : code);
      options.onCallEnded(path, Status[status]);
      const { metadata } = context;
      if (tracing && isOwn) recordCallSpan(tracing, { path, metadata, startTimeMs, status });
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

/** Why a call was not let in; undefined for what has failed otherwise. */
function refusalOf(error: unknown): string | undefined {
  if (error instanceof AccessError) return error.reason;
  const isOfPrincipal = error instanceof StreamError && error.reason.endsWith('_OF_PRINCIPAL');
  return isOfPrincipal ? error.reason : undefined;
}

function draining(): StreamError {
  return new StreamError('DRAINING', 'this server is stopping: connect to another one');
}
