import { runBenchmark } from '../bench/run-benchmark.ts';
import { describeGatewayMachine, startBenchServers } from './bench-servers.ts';
import { catchUpFiltersPart } from './catch-up-filters-part.ts';
import { catchUpPart } from './catch-up-part.ts';
import { fanOutPart } from './fan-out-part.ts';
import { generatedPart } from './generated-part.ts';
import { idlePart } from './idle-part.ts';
import { oneEventPart } from './one-event-part.ts';
import { reconnectPart } from './reconnect-part.ts';
import { selectivePart } from './selective-part.ts';
import { singlePart } from './single-part.ts';
import { stalledPart } from './stalled-part.ts';

process.exitCode = await runBenchmark({
  name: 'bench-gateway',
  parts: [
    fanOutPart,
    selectivePart,
    generatedPart,
    oneEventPart,
    singlePart,
    idlePart,
    stalledPart,
    catchUpPart,
    catchUpFiltersPart,
    reconnectPart,
  ],
  serverNames: 'Kafka',
  startServers: startBenchServers,
  describe: describeGatewayMachine,
  hasQuickWay: true,
});
