import { runBenchmark } from '../bench/run-benchmark.ts';
import { describeGatewayMachine, startBenchServers } from './bench-servers.ts';
import { fanOutPart } from './fan-out-part.ts';

process.exitCode = await runBenchmark({
  name: 'bench-gateway',
  parts: [fanOutPart],
  serverNames: 'Kafka',
  startServers: startBenchServers,
  describe: describeGatewayMachine,
  hasQuickWay: true,
});
