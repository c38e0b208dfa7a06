import { reasonOf } from '@order-events/runtime/failure-reason';
import { type ClientMiddleware, Metadata } from 'nice-grpc-common';

/** By name; names that end in -bin have bytes, the others printable ASCII. */
export type CallMetadata = Readonly<Record<string, string | Uint8Array>>;

/** `signal` aborts when nobody waits for the answer any more. */
export type MetadataFunction = (signal: AbortSignal) => CallMetadata | Promise<CallMetadata>;

/** Gives a bearer token that is good for some time. `signal` aborts when nobody waits for it any more. */
export type TokenFunction = (signal: AbortSignal) => string | Promise<string>;

/** What a caller says of itself with each call. */
export interface CallCredentials {
  /**
   * Sent with each call, a bearer token for example: `{ authorization: 'Bearer …' }`. A function is asked before each call, which for
   * streams is before each connection.
   */
  readonly metadata?: CallMetadata | MetadataFunction;
  /**
   * Gives the bearer token of each call, which for streams is each connection: also before the last one expires, when the gateway says so,
   * and once when it takes that no more. It should give one that is good for some time yet. Comes before an `authorization` of `metadata`.
   */
  readonly token?: TokenFunction;
}

/** Whoever gives tokens has so long; without a bound a call could wait for ever, without anybody knowing for what. */
const METADATA_DEADLINE_MS = 10_000;

const PRINTABLE = /^[\x20-\x7e]*$/;

/** Whether another call may have other credentials. */
export function areRenewable({ metadata, token }: CallCredentials): boolean {
  return token !== undefined || typeof metadata === 'function';
}

/** The metadata, with the token as it is sent: `authorization: Bearer …`. */
export function withToken(metadata: CallMetadata | MetadataFunction, token: TokenFunction): MetadataFunction {
  return async (signal) => {
    const [given, authorization] = await Promise.all([
      typeof metadata === 'function' ? metadata(signal) : metadata,
      token(signal),
    ]);
    return { ...given, authorization: `Bearer ${authorization}` };
  };
}

/**
 * Sends the metadata with each call. What a call brings by itself comes before it. `note` is told the names that are sent. A call
 * fails when a function gives none, in time or at all.
 */
export function withMetadata(
  source: CallMetadata | MetadataFunction,
  note: (names: readonly string[]) => void = () => {},
): ClientMiddleware {
  return async function* sendMetadata(call, options) {
    const given = typeof source === 'function' ? await ask(source, options.signal) : source;
    note(Object.keys(given));
    const metadata = Metadata(given);
    for (const [name, values] of Metadata(options.metadata)) metadata.set(name, values);
    return yield* call.next(call.request, { ...options, metadata });
  };
}

async function ask(source: MetadataFunction, ofCall: AbortSignal | undefined): Promise<CallMetadata> {
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new Error(`none within ${METADATA_DEADLINE_MS} ms`)),
    METADATA_DEADLINE_MS,
  );
  const signal = ofCall ? AbortSignal.any([ofCall, late.signal]) : late.signal;
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    const given = await Promise.race([source(signal), aborted.promise]);
    checkMetadata(given);
    return given;
  } catch (cause) {
    // Never a gRPC error itself, also when a gRPC service gives the tokens: it says nothing about the call.
    throw new Error(`no metadata for the call: ${reasonOf(cause)}`, { cause });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/** Throws where gRPC would, but without the value, which may be a secret. */
export function checkMetadata(metadata: CallMetadata): void {
  for (const [name, value] of Object.entries(metadata)) {
    const isBinary = name.toLowerCase().endsWith('-bin');
    if (isBinary !== value instanceof Uint8Array) {
      throw new TypeError(`metadata ${name}: must be ${isBinary ? 'bytes' : 'text'}`);
    }
    if (typeof value === 'string' && !PRINTABLE.test(value)) {
      throw new TypeError(`metadata ${name}: must be printable ASCII, without a line break`);
    }
  }
}
