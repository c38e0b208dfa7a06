import net from 'node:net';
import tls from 'node:tls';
import type { SASLOptions } from 'kafkajs';
import Encoder from 'kafkajs/src/protocol/encoder.js';
import { type ApiVersions, fetchApiVersions, requireVersion } from './api-versions.ts';
import { addressName, type BrokerAddress } from './broker-address.ts';
import { adviceOn } from './connection-advice.ts';
import { createPendingRequests } from './pending-requests.ts';
import { createFrameSplitter } from './response-frames.ts';
import { authenticate } from './sasl-authentication.ts';
import type { SendRequest, WireRequest } from './wire-request.ts';

export interface BrokerConnectionConfig {
  readonly clientId: string;
  /** For TCP and TLS together. */
  readonly connectTimeoutMs?: number;
  /** For each request: a broker that is silent for so long is taken for dead; what is large gets more (see pending-requests). */
  readonly requestTimeoutMs?: number;
  /** Functions are asked for each connection, as certificates and passwords change while a process runs. */
  readonly ssl?: boolean | tls.ConnectionOptions | (() => tls.ConnectionOptions);
  readonly sasl?: SASLOptions | (() => SASLOptions);
}

export const DEFAULT_REQUEST_TIMEOUT_MS = 5_000;
const DEFAULT_CONNECT_TIMEOUT_MS = 2_000;
const KEEP_ALIVE_DELAY_MS = 30_000;
/** Why a connection was given up that nobody has ended: no setting is to blame. */
const SILENCE = 'silence';

/** The connection failed: whether the broker has acted on the requests under way is not known. */
export class BrokerConnectionError extends Error {
  override readonly name = 'BrokerConnectionError';
}

export interface BrokerConnection {
  /**
   * Sends a request and decodes the response. Rejects with a BrokerConnectionError when the connection fails, which a request
   * that is not answered in time makes it do: a socket that went silent is never used again. An abort only ends the waiting.
   */
  readonly send: SendRequest;
  isOpen(): boolean;
  /** Destroys the socket; requests under way reject. */
  close(): void;
}

/**
 * Opens a connection to a broker, with TLS and SASL when configured. It ends at its first failure, with `close`, or when one of
 * `signals` aborts; its owner then opens another. It stands in for kafkajs's Connection, which keeps a socket that timed out.
 */
export async function connectToBroker(
  address: BrokerAddress,
  config: BrokerConnectionConfig,
  ...signals: readonly AbortSignal[]
): Promise<BrokerConnection> {
  for (const signal of signals) signal.throwIfAborted();
  const link = openLink(address, config);
  const onAbort = ({ target }: Event) =>
    link.fail(
      'the connection is not wanted any more',
      target instanceof AbortSignal ? target.reason : target,
    );
  for (const signal of signals) {
    signal.addEventListener('abort', onAbort, { once: true });
    link.socket.once('close', () => signal.removeEventListener('abort', onAbort));
  }
  let versions: ApiVersions = {};
  const send: SendRequest = async (wire, abandon) => {
    requireVersion(wire, versions);
    const body = await wire.request.encode();
    return wire.response.decode(await link.exchange(wire, body.buffer, abandon));
  };
  try {
    await link.connected;
    versions = await fetchApiVersions(send);
    const { sasl } = config;
    if (sasl) await authenticate(send, address, typeof sasl === 'function' ? sasl() : sasl, versions);
  } catch (error) {
    throw link.fail(error instanceof Error ? error.message : 'cannot connect', error);
  }
  return {
    send,
    isOpen: () => link.isOpen(),
    close: () => void link.fail('the connection was closed'),
  };
}

interface Link {
  readonly socket: net.Socket;
  readonly connected: Promise<void>;
  exchange(wire: WireRequest<unknown>, body: Buffer, signal?: AbortSignal): Promise<Buffer>;
  /** Ends the link and answers why it ended: the first call counts. */
  fail(what: string, cause?: unknown): Error;
  isOpen(): boolean;
}

/** A socket with the requests under way on it; the first failure ends all of them. */
function openLink(address: BrokerAddress, config: BrokerConnectionConfig): Link {
  const requestTimeoutMs = config.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
  const encodedClientId = new Encoder().writeString(config.clientId).buffer;
  const pending = createPendingRequests(requestTimeoutMs, (apiName, ms) =>
    fail(`no answer to ${apiName} in ${ms} ms`, SILENCE),
  );
  const socket = openSocket(address, config.ssl);
  let failure: Error | undefined;
  let answers = 0;

  function describe(what: string, cause: unknown): Error {
    const withLogin = config.sasl !== undefined;
    const sentBytes = socket.bytesWritten;
    const advice = adviceOn({ withTls: Boolean(config.ssl), withLogin, answers, sentBytes, cause });
    const message = `broker ${addressName(address)}: ${what}${advice ? ` (${advice})` : ''}`;
    return new BrokerConnectionError(message, { cause });
  }

  function fail(what: string, cause?: unknown): Error {
    if (failure) return failure;
    failure = cause instanceof BrokerConnectionError ? cause : describe(what, cause);
    socket.destroy();
    pending.rejectAll(failure);
    return failure;
  }

  const split = createFrameSplitter((frame) => {
    answers += 1;
    pending.answer(frame);
  });
  socket.on('data', (chunk) => {
    pending.progress();
    try {
      split(chunk);
    } catch (error) {
      fail(`unreadable response: ${error instanceof Error ? error.message : String(error)}`, error);
    }
  });
  socket.on('error', (error) => fail(saidBy(error), error));
  socket.on('close', () => fail('the broker closed the connection'));

  return {
    socket,
    connected: whenConnected(socket, config.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS),
    exchange({ request }, body, signal) {
      signal?.throwIfAborted();
      if (failure) throw failure;
      const { correlationId, payload } = pending.add(
        request.apiName,
        socket.writableLength + body.length,
        signal,
      );
      socket.cork();
      socket.write(requestHeader(request, correlationId, encodedClientId, body.length));
      socket.write(body);
      socket.uncork();
      return payload;
    },
    fail,
    isOpen: () => failure === undefined,
  };
}

function openSocket({ host, port }: BrokerAddress, ssl: BrokerConnectionConfig['ssl']): net.Socket {
  const serverName = net.isIP(host) ? {} : { servername: host };
  const options = typeof ssl === 'function' ? ssl() : ssl === true ? {} : ssl;
  const socket = options
    ? tls.connect({ host, port, ...serverName, ...options })
    : net.connect({ host, port });
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
  return socket;
}

function whenConnected(socket: net.Socket, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not connected in ${timeoutMs} ms`)), timeoutMs);
    socket.once(socket instanceof tls.TLSSocket ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer);
      resolve();
    });
    socket.once('close', () => {
      clearTimeout(timer);
      reject(new Error('not connected'));
    });
  });
}

/** Of a host name with several addresses each has its own error, and the one around them says nothing. */
function saidBy(error: Error): string {
  const errors: unknown[] = error instanceof AggregateError ? error.errors : [error];
  return errors.map((one) => (one instanceof Error ? one.message : String(one))).join('; ');
}

/** Length, request header version 1 (version 2 adds tags, which a body of a flexible version begins with). */
function requestHeader(
  { apiKey, apiVersion }: WireRequest<unknown>['request'],
  correlationId: number,
  encodedClientId: Buffer,
  bodyLength: number,
): Buffer {
  const header = Buffer.allocUnsafe(12 + encodedClientId.length);
  header.writeInt32BE(header.length - 4 + bodyLength, 0);
  header.writeInt16BE(apiKey, 4);
  header.writeInt16BE(apiVersion, 6);
  header.writeInt32BE(correlationId, 8);
  encodedClientId.copy(header, 12);
  return header;
}
