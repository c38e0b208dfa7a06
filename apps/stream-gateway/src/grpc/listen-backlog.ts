import { subscribe, unsubscribe } from 'node:diagnostics_channel';

/** The system's own limit (net.core.somaxconn) is this by default. */
const BACKLOG = 4_096;
const LISTEN = 'tracing:net.server.listen:asyncStart';

/**
 * Runs `listen` so that the sockets it opens let thousands of connections wait to be accepted. Node's 511 are not enough when all clients
 * come back at once: the system drops what does not fit, and each client tries again after 1, 2, 4, … s. grpc-js has no setting for it.
 */
export async function withLongBacklog<T>(listen: () => Promise<T>): Promise<T> {
  const lengthen = (message: unknown) => {
    const { options } = message as { options: { backlog?: number } };
    options.backlog ??= BACKLOG;
  };
  subscribe(LISTEN, lengthen);
  try {
    return await listen();
  } finally {
    unsubscribe(LISTEN, lengthen);
  }
}
