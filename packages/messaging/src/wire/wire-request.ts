/** A request of one version of one API with the decoder of its response: kafkajs's, or one from a file beside this one. */
export interface WireRequest<Response> {
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    readonly apiName: string;
    encode(): Promise<{ readonly buffer: Buffer }>;
  };
  readonly response: { decode(payload: Buffer): Response | Promise<Response> };
}

/** Sends a request and decodes its response; an abort ends the waiting. */
export type SendRequest = <Response>(wire: WireRequest<Response>, signal?: AbortSignal) => Promise<Response>;

/** An answer whose error code, if not 0, the caller judges. */
export type Coded<T = unknown> = T & { readonly errorCode: number };
