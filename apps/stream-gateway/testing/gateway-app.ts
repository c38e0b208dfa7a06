import type { TestContext } from 'node:test';
import type { ConnectionOptions, DeepPartial, WatchOrdersRequest } from '@order-events/order-stream';
import { createTestTopic, startApp } from '../../../test/harness/index.ts';
import type { AppProcess } from '../../../tools/stack/index.ts';
import { createEventProducer, type EventProducer } from './event-producer.ts';
import { recordWatch, type StreamRecording } from './stream-recorder.ts';

export interface TestGateway extends EventProducer {
  readonly app: AppProcess;
  readonly brokers: string[];
  readonly topic: string;
  /** For another replica. */
  readonly settings: Readonly<Record<string, string>>;
  watch(request?: DeepPartial<WatchOrdersRequest>, connection?: ConnectionOptions): StreamRecording;
  /** The value of a metric, by the beginning of its line: name, brace and some labels. */
  metric(pattern: RegExp): Promise<number | undefined>;
}

/** A gateway process on a topic of the test's own, and a producer for it. `authorization` is for its metrics. */
export async function startGateway(
  t: TestContext,
  env: Record<string, string> = {},
  authorization?: () => Promise<string>,
): Promise<TestGateway> {
  const { brokers, topic } = await createTestTopic(t);
  const settings = { KAFKA_BROKERS: brokers.join(','), KAFKA_TOPIC: topic, ...env };
  const [app, producer] = await Promise.all([
    startApp(t, 'stream-gateway', settings),
    createEventProducer(t, { brokers, topic }),
  ]);
  return {
    app,
    brokers,
    topic,
    settings,
    watch: (request, connection) => recordWatch(t, app.urls.grpc, request, connection),
    async metric(pattern) {
      const headers: Record<string, string> = authorization ? { authorization: await authorization() } : {};
      const text = await (await fetch(`${app.urls.admin}/metrics`, { headers })).text();
      const line = text.split('\n').find((candidate) => pattern.test(candidate));
      return line === undefined ? undefined : Number(line.split(' ').at(-1));
    },
    ...producer,
  };
}
