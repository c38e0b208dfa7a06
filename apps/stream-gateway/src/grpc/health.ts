import { HealthState } from 'nice-grpc-server-health';

const SERVICE = 'orders.v1.OrderStreamService';
/** Apart from the service: a replica without Kafka still serves its streams, and all replicas lose Kafka at once. */
const SOURCE = 'orders.v1.KafkaSource';

export interface Health {
  /** For the health service. */
  readonly state: HealthState;
  setSourceAvailable(available: boolean): void;
  /** Everything is NOT_SERVING from now on. */
  drain(): void;
}

export function createHealth(): Health {
  const state = HealthState();
  // One listener for each client that watches.
  state.setMaxListeners(0);
  state.setStatus('healthy', SERVICE);
  state.setStatus('unhealthy', SOURCE);
  let draining = false;
  return {
    state,
    setSourceAvailable(available) {
      if (!draining) state.setStatus(available ? 'healthy' : 'unhealthy', SOURCE);
    },
    drain() {
      draining = true;
      for (const name of ['', SERVICE, SOURCE]) state.setStatus('unhealthy', name);
    },
  };
}
