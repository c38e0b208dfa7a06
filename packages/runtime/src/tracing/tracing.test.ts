import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test, type TestContext } from 'node:test';
import { Registry } from 'prom-client';
import { z } from 'zod';
import { eventually } from '../../../../test/harness/eventually.ts';
import { startOtlpReceiver } from '../../../../test/harness/otlp-receiver.ts';
import { createLogger, type Logger } from '../logger.ts';
import { MAX_SPAN_LINKS, startLinkedSpan } from './linked-span.ts';
import { parsePairs, tracesEndpoint, tracingSettings } from './tracing-config.ts';
import { createTracing } from './tracing-part.ts';
import { isSampled, type TraceCarrier, type Tracing } from './tracing.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const carrier = (spanId: string, flags = '01', traceId = TRACE): TraceCarrier => ({
  traceparent: `00-${traceId}-${spanId}-${flags}`,
});
const RECORDED = carrier('b7ad6b7169203331');
const UNRECORDED = carrier('b7ad6b7169203331', '00');

async function startTracing(t: TestContext, env: Record<string, string>, warnings: unknown[] = []) {
  const registry = new Registry();
  const log = createLogger({ service: 'test', level: 'silent' });
  const told: Pick<Logger, 'warn'> = { warn: (...line: unknown[]) => warnings.push(line) };
  const spans = createTracing({
    settings: z.object(tracingSettings).parse({ OTEL_BSP_SCHEDULE_DELAY: '10', ...env }),
    service: 'test',
    version: '1.2.3',
    stopDeadlineMs: 20_000,
    registry,
    log: Object.assign(log, told),
  });
  assert.ok(spans);
  await spans.start(new AbortController().signal);
  t.after(() => spans.stop());
  const lost = async () => {
    const metric = await registry.getSingleMetric('app_spans_dropped_total')?.get();
    return Object.fromEntries((metric?.values ?? []).map(({ labels, value }) => [labels['reason'], value]));
  };
  return { ...spans, lost };
}

const endSpan = (tracing: Tracing, name: string, parent?: TraceCarrier) =>
  tracing.startSpan({ name, kind: 'server', parent }).end();

test('the bit says whether a context is recorded, whatever else it says', () => {
  for (let flags = 0; flags < 256; flags++) {
    const { traceparent } = carrier('b7ad6b7169203331', flags.toString(16).padStart(2, '0'));
    assert.equal(isSampled(traceparent), flags % 2 === 1, traceparent);
    assert.equal(isSampled(Buffer.from(traceparent)), flags % 2 === 1, traceparent);
  }
  for (const none of ['', '1', null, undefined, Buffer.from('1'), `${RECORDED.traceparent}1`]) {
    assert.equal(isSampled(none), false);
  }
});

test('spans are made where an endpoint is set, and there is one', () => {
  const endpointOf = (env: Record<string, string>) => tracesEndpoint(z.object(tracingSettings).parse(env));
  assert.equal(endpointOf({}), undefined);
  const [base, own] = ['http://collector:4318/', 'http://other/spans'];
  assert.equal(endpointOf({ OTEL_EXPORTER_OTLP_ENDPOINT: base }), 'http://collector:4318/v1/traces');
  assert.equal(
    endpointOf({ OTEL_EXPORTER_OTLP_ENDPOINT: base, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: own }),
    own,
  );
  assert.equal(endpointOf({ OTEL_EXPORTER_OTLP_ENDPOINT: base, OTEL_SDK_DISABLED: 'true' }), undefined);
  assert.deepEqual(parsePairs('a=b%20c, d = e=f ,,g='), { a: 'b c', d: 'e=f', g: '' });
  for (const faulty of ['a', '=b', 'a=%', 'a=b,c']) {
    const { success } = z.object(tracingSettings).safeParse({ OTEL_EXPORTER_OTLP_HEADERS: faulty });
    assert.equal(success, false, faulty);
  }
});

test('a parent decides whether its children are recorded, and a link to what is recorded for a new trace', async (t) => {
  const receiver = await startOtlpReceiver(t);
  const { tracing, stop } = await startTracing(t, {
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.url}/v1/traces`,
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0',
    OTEL_SERVICE_NAME: 'named',
  });
  endSpan(tracing, 'nobody asked');
  endSpan(tracing, 'child of unrecorded', UNRECORDED);
  endSpan(tracing, 'child', RECORDED);
  const links = (...created: TraceCarrier[]) =>
    startLinkedSpan(tracing, { name: `${created.length} links`, kind: 'client' }, created).end();
  links(RECORDED, carrier('00f067aa0ba902b7', '01', 'a'.repeat(32)));
  links(...Array.from({ length: MAX_SPAN_LINKS + 1 }, () => RECORDED));
  // As anybody could write into a topic.
  links({ traceparent: 'x'.repeat(55) }, carrier('0'.repeat(16)), RECORDED);
  await stop();
  const found = receiver.spans.map((span) => [
    span.name,
    span.traceId === TRACE,
    span.parentSpanId,
    span.links.length,
  ]);
  assert.deepEqual(found, [
    ['child', true, 'b7ad6b7169203331', 0],
    ['2 links', false, '', 2],
    ['129 links', true, 'b7ad6b7169203331', 128],
    ['3 links', false, '', 1],
  ]);
  assert.ok(receiver.spans.every(({ service }) => service === 'named'));
});

test('a span that nobody records tells its children so', async (t) => {
  const { tracing } = await startTracing(t, {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
    OTEL_TRACES_SAMPLER: 'always_off',
  });
  const span = tracing.startSpan({
    name: 'x',
    kind: 'server',
    parent: { ...RECORDED, tracestate: 'vendor=1' },
  });
  assert.match(span.traceparent, new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
  assert.equal(span.tracestate, 'vendor=1');
  assert.equal(span.isSampled, false);
});

test('what nobody takes is dropped, counted and told once', async (t) => {
  const server = createServer((_request, response) => response.writeHead(400).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const address = server.address();
  assert.ok(address && typeof address === 'object');
  const warnings: unknown[] = [];
  const { tracing, lost } = await startTracing(
    t,
    { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${address.port}`, OTEL_BSP_MAX_QUEUE_SIZE: '3' },
    warnings,
  );
  for (let count = 0; count < 5; count++) endSpan(tracing, 'refused');
  await eventually(async () => assert.deepEqual(await lost(), { queue_full: 2, not_taken: 3 }));
  endSpan(tracing, 'refused as well');
  await eventually(async () => assert.deepEqual(await lost(), { queue_full: 2, not_taken: 4 }));
  assert.equal(warnings.length, 2);
});

test('a collector that never answers holds up a stop for no longer than its share', async (t) => {
  const asked = Promise.withResolvers<undefined>();
  const server = createServer(() => asked.resolve(undefined));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  assert.ok(address && typeof address === 'object');
  const url = `http://127.0.0.1:${address.port}`;
  const { tracing, stop } = await startTracing(t, { OTEL_EXPORTER_OTLP_ENDPOINT: url });
  endSpan(tracing, 'on its way');
  await asked.promise;
  endSpan(tracing, 'waits');
  const startedMs = performance.now();
  await stop();
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs > 500 && tookMs < 9_000, `${tookMs} ms; the exporter would give up after 10 s`);
});
