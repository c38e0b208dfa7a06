import { once } from 'node:events';
import { connect } from 'node:net';

const API_VERSIONS_KEY = 18;
const CORRELATION_ID = 1;
const TIMEOUT_MS = 2_000;

/**
 * Asks a broker for its API versions, the first request of every client. A broker answers it only after the controller has
 * admitted it, so an answer means that it takes work. Throws when there is none in two seconds.
 */
export async function askBroker(port: number): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    await once(socket, 'connect', { signal });
    socket.write(apiVersionsRequest());
    const [response] = await once(socket, 'data', { signal });
    if (!Buffer.isBuffer(response) || response.length < 10) throw new Error('not a Kafka broker');
    // Size (4 bytes), correlation id (4), error code (2).
    const errorCode = response.readInt16BE(8);
    if (response.readInt32BE(4) !== CORRELATION_ID || errorCode !== 0) {
      throw new Error(`the broker answered with error code ${errorCode}`);
    }
  } finally {
    socket.destroy();
  }
}

/** Version 0: the header is all of it. */
function apiVersionsRequest(): Buffer {
  const clientId = Buffer.from('probe');
  const request = Buffer.alloc(14 + clientId.length);
  request.writeInt32BE(request.length - 4, 0);
  request.writeInt16BE(API_VERSIONS_KEY, 4);
  request.writeInt16BE(0, 6);
  request.writeInt32BE(CORRELATION_ID, 8);
  request.writeInt16BE(clientId.length, 12);
  clientId.copy(request, 14);
  return request;
}
