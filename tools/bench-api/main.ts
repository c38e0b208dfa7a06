import { startBenchServers } from '../bench-relay/bench-servers.ts';
import { describeRelayMachine } from '../bench-relay/relay-machine.ts';
import { runBenchmark } from '../bench/run-benchmark.ts';
import { accessPart } from './access-part.ts';
import { kafkaAwayPart } from './kafka-away-part.ts';
import { outboxPart } from './outbox-part.ts';
import { refusalsPart } from './refusals-part.ts';
import { requestsPart } from './requests-part.ts';
import { tableSizePart } from './table-size-part.ts';
import { tracesPart } from './traces-part.ts';

process.exitCode = await runBenchmark({
  name: 'bench-api',
  parts: [requestsPart, outboxPart, accessPart, tracesPart, kafkaAwayPart, refusalsPart, tableSizePart],
  serverNames: 'PostgreSQL and Kafka',
  startServers: () => startBenchServers(),
  describe: describeRelayMachine,
  hasQuickWay: true,
});
