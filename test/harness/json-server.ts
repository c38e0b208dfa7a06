import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import type { TestContext } from 'node:test';

/** Stands for another team's HTTP service until the test is over; answers its URL. A request is handed on with its JSON body. */
export async function startJsonServer(
  t: TestContext,
  onRequest: (request: IncomingMessage, body: unknown, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer((request, response) => {
    json(request).then(
      (body) => onRequest(request, body, response),
      () => response.writeHead(400).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return `http://127.0.0.1:${address.port}`;
}
