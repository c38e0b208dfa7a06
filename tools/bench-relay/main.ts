import { runBenchmark } from '../bench/run-benchmark.ts';
import { startBenchServers } from './bench-servers.ts';
import { drainPart } from './drain-part.ts';
import { emptyLookPart } from './empty-look-part.ts';
import { emptyPollPart } from './empty-poll-part.ts';
import { latencyPart } from './latency-part.ts';
import { describeRelayMachine } from './relay-machine.ts';
import { writeSidePart } from './write-side-part.ts';

process.exitCode = await runBenchmark({
  name: 'bench-relay',
  parts: [latencyPart, drainPart, emptyPollPart, emptyLookPart, writeSidePart],
  serverNames: 'PostgreSQL and Kafka',
  startServers: () => startBenchServers(),
  describe: describeRelayMachine,
});
