import { startBenchRelay } from '../bench-relay/bench-relay-process.ts';
import { startBenchApi } from './bench-api.ts';
import type { BenchPart } from './bench-part.ts';
import { measuredTable } from './measured-table.ts';
import { CREATE } from './order-requests.ts';

const TOPIC = 'bench.api';
const CONCURRENCIES = [8];

/** What those who place orders notice of a Kafka that is away, while a relay tries to publish them. */
export const kafkaAwayPart: BenchPart = {
  name: 'kafka-away',
  limitMs: 600_000,
  async run(context) {
    const { kafka } = context.servers;
    const { api, databaseUrl } = await startBenchApi(context, 'bench_kafka_away');
    await context.servers.createTopic(TOPIC);
    await startBenchRelay(context, { databaseUrl, topic: TOPIC });
    let isAway = false;
    const bring = async (away: boolean) => {
      if (isAway === away) return;
      await (away ? kafka.stop() : kafka.start());
      isAway = away;
    };
    // Other parts come after this one.
    context.defer(() => bring(false));
    const about = {
      title: 'Creating orders with Kafka there and away',
      notes: [
        'a relay runs on the same cores: with Kafka there it publishes, which is work for all three; what is away costs nothing',
        'Kafka is stopped and started between the rounds',
      ],
      concurrencies: CONCURRENCIES,
    };
    const ask = () => api.send('open', CREATE);
    return [
      await measuredTable(context, api, about, [
        { name: 'there', before: () => bring(false), ask },
        { name: 'away', before: () => bring(true), ask },
      ]),
    ];
  },
};
