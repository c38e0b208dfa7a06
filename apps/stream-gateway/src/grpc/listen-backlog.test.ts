import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import test from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createServer } from 'nice-grpc';
import { withLongBacklog } from './listen-backlog.ts';

const CLIENTS = 1_500;
const ESTABLISHED = '01';

/** Connections to a port that the system has set up, accepted or not. */
function establishedTo(port: number): number {
  const remote = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const connections = readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1);
  return connections.filter((line) => {
    const [, , to = '', state] = line.trim().split(/\s+/);
    return to.endsWith(remote) && state === ESTABLISHED;
  }).length;
}

test('a server takes more connections at once than it has time to accept', async (t) => {
  const server = createServer();
  const port = await withLongBacklog(() => server.listen('127.0.0.1:0'));
  t.after(() => server.forceShutdown());
  const sockets = Array.from({ length: CLIENTS }, () => connect(port, '127.0.0.1').on('error', () => {}));
  t.after(() => sockets.forEach((socket) => socket.destroy()));
  // They are on their way after this turn, and what the system drops it takes a second to try again.
  await nextTurn();
  assert.equal(establishedTo(port), CLIENTS);
});
