import { startBenchServers } from '../bench-relay/bench-servers.ts';
import { describeRelayMachine } from '../bench-relay/relay-machine.ts';
import { runBenchmark } from '../bench/run-benchmark.ts';
import { crashPart } from './crash-part.ts';
import { debeziumClassPath } from './debezium.ts';
import { drainPart } from './drain-part.ts';
import { latencyPart } from './latency-part.ts';

process.exitCode = await runBenchmark({
  name: 'bench-peers',
  parts: [latencyPart, drainPart, crashPart],
  serverNames: 'PostgreSQL and Kafka',
  async startServers() {
    await debeziumClassPath();
    // What Debezium reads is written for everybody, so that the writers' costs compare.
    return startBenchServers({ wal_level: 'logical' });
  },
  describe: describeRelayMachine,
  hasQuickWay: true,
});
