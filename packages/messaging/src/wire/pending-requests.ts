interface PendingRequest {
  readonly timer: NodeJS.Timeout;
  resolve(payload: Buffer): void;
  reject(error: Error): void;
}

export interface PendingRequests {
  /** Registers a request; `payload` is what `answer` brings for its correlation id. `unsentBytes`: what has to leave up to its end. */
  add(
    apiName: string,
    unsentBytes: number,
    signal?: AbortSignal,
  ): { correlationId: number; payload: Promise<Buffer> };
  /** A part of a response has come: whoever sends it is alive, and its end may take as long again. */
  progress(): void;
  /** Takes a response: a correlation id, then the payload. Throws a RangeError when nobody waits for it. */
  answer(frame: Buffer): void;
  rejectAll(error: Error): void;
}

/** The slowest link that is waited for: a large request gets the time that it takes there on top. */
const LEAST_BYTES_PER_MS = 256;

/**
 * The requests of one connection that wait for their response. `timeoutMs` is for silence, so that a link that is slow is not taken for
 * one that is dead: the same large request would be sent over it again and again. An abort only stops the waiting: the request keeps its deadline,
 * so that a connection that went silent is noticed even when nobody is interested any more. `onTimeout` gets the name of the API and
 * the time that it had.
 */
export function createPendingRequests(
  timeoutMs: number,
  onTimeout: (apiName: string, ms: number) => void,
): PendingRequests {
  const pending = new Map<number, PendingRequest>();
  let nextCorrelationId = 0;
  return {
    add(apiName, unsentBytes, signal) {
      const allowedMs = timeoutMs + Math.ceil(unsentBytes / LEAST_BYTES_PER_MS);
      const correlationId = nextCorrelationId;
      nextCorrelationId = (nextCorrelationId + 1) % 0x80000000;
      const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
      const onAbort = () => reject(signal?.reason);
      const stopListening = () => signal?.removeEventListener('abort', onAbort);
      signal?.addEventListener('abort', onAbort, { once: true });
      pending.set(correlationId, {
        timer: setTimeout(onTimeout, allowedMs, apiName, allowedMs),
        resolve(payload) {
          stopListening();
          resolve(payload);
        },
        reject(error) {
          stopListening();
          reject(error);
        },
      });
      return { correlationId, payload: promise };
    },

    progress() {
      for (const { timer } of pending.values()) timer.refresh();
    },

    answer(frame) {
      const correlationId = frame.readInt32BE(0);
      const request = pending.get(correlationId);
      if (!request) throw new RangeError(`a response to no request (correlation id ${correlationId})`);
      pending.delete(correlationId);
      clearTimeout(request.timer);
      request.resolve(frame.subarray(4));
    },

    rejectAll(error) {
      for (const request of pending.values()) {
        clearTimeout(request.timer);
        request.reject(error);
      }
      pending.clear();
    },
  };
}
