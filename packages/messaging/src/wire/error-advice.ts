/**
 * What an operator can do about errors that time alone does not mend, by their code: settings and rights. Settings stand as Kafka
 * names them.
 */
const ADVICE: ReadonlyMap<number, string> = new Map([
  [
    15, // COORDINATOR_NOT_AVAILABLE
    'if it goes on, fewer brokers are up than Kafka wants for its own topics: see transaction.state.log.replication.factor and ' +
      'transaction.state.log.min.isr, for consumer groups offsets.topic.replication.factor; start more brokers, or set them lower',
  ],
  [
    19,
    'if it goes on, fewer replicas are in sync than min.insync.replicas: start more brokers, or set it lower',
  ],
  [
    20,
    'if it goes on, fewer replicas are in sync than min.insync.replicas: start more brokers, or set it lower',
  ],
  [29, 'the user needs the rights Read, Write and Describe on the topic'],
  [30, 'the user needs the rights Read, Describe and Delete on the groups'],
  [31, 'the user needs the right IdempotentWrite on the cluster'],
  [32, "correct the clocks, or set the topic's message.timestamp.type to LogAppendTime"],
  [50, 'set transaction.max.timeout.ms of the brokers to at least 1000'],
  [53, 'the user needs the rights Write and Describe on the transactional ids orders-relay-<topic>-*'],
]);

export const adviceOnCode = (code: number): string | undefined => ADVICE.get(code);
