import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import type { TLSSocket } from 'node:tls';
import {
  type CertificatePair,
  createAuthority,
  createPairFiles,
} from '../../../test/harness/certificates.ts';
import { eventually, startApp } from '../../../test/harness/index.ts';

/** A database is not needed to be told what the API can. */
const NO_DATABASE = { DATABASE_URL: 'postgres://127.0.0.1:1/none' };

async function startSecured(t: TestContext, pair: CertificatePair, env: Record<string, string> = {}) {
  const files = await createPairFiles(t, pair);
  const tls = {
    API_TLS_CERTIFICATE_FILE: files.certificateFile,
    API_TLS_KEY_FILE: files.keyFile,
    API_TLS_CHECK_MS: '100',
  };
  const api = await startApp(t, 'api', { ...NO_DATABASE, ...tls, ...env });
  return { api, put: files.put };
}

/** Who answered a request, and with what. */
async function ask(
  url: string,
  options: https.RequestOptions,
): Promise<{ status: number | undefined; peer: string }> {
  const request = https.get(`${url}/openapi.json`, { agent: false, ...options });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const peer = (response.socket as TLSSocket).getPeerCertificate().subject.CN;
  response.resume();
  await once(response, 'end');
  return { status: response.statusCode, peer: String(peer) };
}

test('a replaced certificate is shown to new connections, open ones go on, and one that does not fit changes nothing', async (t) => {
  const authority = await createAuthority(t);
  const { ca } = authority;
  const [first, second] = [await authority.issue('first'), await authority.issue('second')];
  const { api, put } = await startSecured(t, first);
  assert.match(api.urls.http, /^https:/);
  const kept = new https.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => kept.destroy());
  assert.deepEqual(await ask(api.urls.http, { ca, agent: kept }), { status: 200, peer: 'first' });

  await put({ cert: second.cert });
  await eventually(() => assert.match(JSON.stringify(api.logs()), /the former certificate stays/));
  assert.deepEqual(await ask(api.urls.http, { ca }), { status: 200, peer: 'first' });
  await put({ key: second.key });
  await eventually(async () => assert.equal((await ask(api.urls.http, { ca })).peer, 'second'));
  assert.deepEqual(await ask(api.urls.http, { ca, agent: kept }), { status: 200, peer: 'first' });
  const metrics = await (await fetch(`${api.urls.admin}/metrics`)).text();
  assert.match(metrics, /tls_certificate_reloads_total\{[^}]*outcome="replaced"[^}]*\} 1/);

  await assert.rejects(fetch(api.urls.http.replace('https:', 'http:')), 'nothing is answered without TLS');
  await assert.rejects(ask(api.urls.http, { ca: (await createAuthority(t)).ca }));
});

test('with an authority for clients nobody else gets an answer, and a handshake that stands still holds up no stop', async (t) => {
  const authority = await createAuthority(t);
  const stranger = await (await createAuthority(t, 'another authority')).issue('stranger');
  const { api } = await startSecured(t, await authority.issue('api'), {
    API_TLS_CLIENT_CA_FILE: authority.caFile,
  });
  const { ca } = authority;
  const client = await authority.issue('client');
  assert.equal((await ask(api.urls.http, { ca, ...client })).status, 200);
  await assert.rejects(ask(api.urls.http, { ca }));
  await assert.rejects(ask(api.urls.http, { ca, ...stranger }));

  const silent = net.connect(Number(new URL(api.urls.http).port), '127.0.0.1');
  t.after(() => silent.destroy());
  await once(silent, 'connect');
  // The server has accepted it when it has answered a later one.
  await ask(api.urls.http, { ca, ...client });
  api.kill();
  await once(silent.resume(), 'close');
  assert.equal((await api.exited).code, 0);
});
