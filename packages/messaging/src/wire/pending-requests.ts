interface PendingRequest {
  readonly timer: NodeJS.Timeout;
  resolve(payload: Buffer): void;
  reject(error: Error): void;
}

export interface PendingRequests {
  /** Registers a request; `payload` is what `answer` brings for its correlation id. */
  add(apiName: string, signal?: AbortSignal): { correlationId: number; payload: Promise<Buffer> };
  /** Takes a response: a correlation id, then the payload. Throws a RangeError when nobody waits for it. */
  answer(frame: Buffer): void;
  rejectAll(error: Error): void;
}

/**
 * The requests of one connection that wait for their response. An abort only stops the waiting: the request keeps its deadline,
 * so that a connection that went silent is noticed even when nobody is interested any more. `onTimeout` gets the name of the API.
 */
export function createPendingRequests(
  timeoutMs: number,
  onTimeout: (apiName: string) => void,
): PendingRequests {
  const pending = new Map<number, PendingRequest>();
  let nextCorrelationId = 0;
  return {
    add(apiName, signal) {
      const correlationId = nextCorrelationId;
      nextCorrelationId = (nextCorrelationId + 1) % 0x80000000;
      const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
      const onAbort = () => reject(signal?.reason);
      const stopListening = () => signal?.removeEventListener('abort', onAbort);
      signal?.addEventListener('abort', onAbort, { once: true });
      pending.set(correlationId, {
        timer: setTimeout(onTimeout, timeoutMs, apiName),
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
