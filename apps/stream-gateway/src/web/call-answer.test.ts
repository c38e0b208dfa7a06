import assert from 'node:assert/strict';
import type { ClientHttp2Stream } from 'node:http2';
import { PassThrough, Readable, Writable } from 'node:stream';
import test from 'node:test';
import { createCallAnswer } from './call-answer.ts';
import type { WebRequest, WebResponse } from './web-message.ts';

/** A browser that takes nothing. */
function stalledResponse(): WebResponse {
  const response = new Writable({ highWaterMark: 1, write: () => {} });
  return Object.assign(response, { writeHead: () => response });
}

function requestOf(): WebRequest {
  return Object.assign(new Readable(), { headers: {} }) as WebRequest;
}

test('a call that ended while the browser takes nothing is cut off', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const response = stalledResponse();
  const stream = new PassThrough();
  createCallAnswer(requestOf(), response, {}).pass(stream as unknown as ClientHttp2Stream);
  stream.emit('response', {});
  stream.write('first');
  stream.write('second');
  await new Promise(setImmediate);
  assert.ok(stream.isPaused(), 'what the browser does not take is not read');
  // Headers are not held up by what is not read.
  stream.emit('trailers', { 'grpc-status': '8' });
  t.mock.timers.tick(4_999);
  assert.ok(!response.destroyed);
  t.mock.timers.tick(1);
  assert.ok(response.destroyed);
});

test('a call whose connection is gone without an end is cut off', async () => {
  const response = stalledResponse();
  const stream = new PassThrough();
  createCallAnswer(requestOf(), response, {}).pass(stream as unknown as ClientHttp2Stream);
  stream.emit('response', {});
  stream.destroy();
  await new Promise(setImmediate);
  assert.ok(response.destroyed);
});
