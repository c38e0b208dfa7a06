import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { OrderStreamAdminServiceDefinition } from '@order-events/order-stream';
import { ChannelCredentials, createChannel, createClient } from 'nice-grpc';
import { HealthDefinition } from 'nice-grpc-server-health';
import {
  type CertificatePair,
  createAuthority,
  createPairFiles,
} from '../../../test/harness/certificates.ts';
import { eventually, startApp } from '../../../test/harness/index.ts';

const SERVICE = { service: 'orders.v1.OrderStreamService' };

async function startSecured(t: TestContext, pair: CertificatePair, env: Record<string, string> = {}) {
  const files = await createPairFiles(t, pair);
  const gateway = await startApp(t, 'stream-gateway', {
    // Ports are there without Kafka.
    KAFKA_BROKERS: '127.0.0.1:1',
    GATEWAY_TLS_CERTIFICATE_FILE: files.certificateFile,
    GATEWAY_TLS_KEY_FILE: files.keyFile,
    GATEWAY_TLS_CHECK_MS: '100',
    ...env,
  });
  return { gateway, put: files.put };
}

/** A connection of its own for each. */
function channelTo(t: TestContext, address: string, ca: string | undefined, client?: CertificatePair) {
  const credentials =
    ca === undefined
      ? ChannelCredentials.createInsecure()
      : ChannelCredentials.createSsl(
          Buffer.from(ca),
          client ? Buffer.from(client.key) : null,
          client ? Buffer.from(client.cert) : null,
        );
  const channel = createChannel(address, credentials, { 'grpc.use_local_subchannel_pool': 1 });
  t.after(() => channel.close());
  return channel;
}

test('a replaced certificate is shown to new connections, open streams go on, and one that does not fit changes nothing', async (t) => {
  const [before, after] = [await createAuthority(t, 'before'), await createAuthority(t, 'after')];
  const next = await after.issue('gateway');
  const { gateway, put } = await startSecured(t, await before.issue('gateway'));
  const check = (ca: string | undefined) =>
    createClient(HealthDefinition, channelTo(t, gateway.urls.grpc, ca)).check(SERVICE, {
      signal: AbortSignal.timeout(30_000),
    });
  const ended = new AbortController();
  const stream = createClient(HealthDefinition, channelTo(t, gateway.urls.grpc, before.ca))
    .watch(SERVICE, { signal: ended.signal })
    [Symbol.asyncIterator]();
  assert.equal((await stream.next()).done, false);
  await assert.rejects(check(after.ca));
  await assert.rejects(check(undefined), 'nothing is answered without TLS');

  await put({ cert: next.cert });
  await eventually(() => assert.match(JSON.stringify(gateway.logs()), /the former certificate stays/));
  await check(before.ca);
  await put({ key: next.key });
  await eventually(() => check(after.ca));
  await assert.rejects(check(before.ca));

  const open = stream.next().then(
    () => 'ended',
    () => 'ended',
  );
  assert.equal(await Promise.race([open, check(after.ca).then(() => 'goes on')]), 'goes on');
  ended.abort();
  await open;
});

test('with an authority for clients nobody else reaches either port', async (t) => {
  const authority = await createAuthority(t);
  const stranger = await (await createAuthority(t, 'another authority')).issue('stranger');
  const client = await authority.issue('client');
  const { gateway } = await startSecured(t, await authority.issue('gateway'), {
    GATEWAY_TLS_CLIENT_CA_FILE: authority.caFile,
  });
  const options = () => ({ signal: AbortSignal.timeout(30_000) });
  const calls = {
    grpc: (pair?: CertificatePair) =>
      createClient(HealthDefinition, channelTo(t, gateway.urls.grpc, authority.ca, pair)).check(
        SERVICE,
        options(),
      ),
    adminGrpc: (pair?: CertificatePair) =>
      createClient(
        OrderStreamAdminServiceDefinition,
        channelTo(t, gateway.urls.adminGrpc, authority.ca, pair),
      ).listWatchers({}, options()),
  };
  for (const call of Object.values(calls)) {
    await call(client);
    await assert.rejects(call());
    await assert.rejects(call(stranger));
  }
});
