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
  [29, 'the user needs the right Describe on the topic'],
  [30, 'the user needs the rights Read, Describe and Delete on the groups'],
  [31, 'the user needs the right IdempotentWrite on the cluster'],
  [32, "correct the clocks, or set the topic's message.timestamp.type to LogAppendTime"],
  [50, 'set transaction.max.timeout.ms of the brokers to at least 1000'],
  [53, 'the user needs the rights Write and Describe on the transactional ids orders-relay-<topic>-*'],
]);

/** What a refusal is about, by its code. */
const RESOURCE: ReadonlyMap<number, string> = new Map([
  [29, 'topic'],
  [30, 'group'],
  [31, 'cluster'],
  [53, 'transactional id'],
]);

/** `right`: which right the request needs, as "Read on the topic"; one request may be refused for what is on another resource too. */
export function adviceOnCode(code: number, right = ''): string | undefined {
  // A commit needs the topic's right too.
  if (code === 29 && right.endsWith(' on the group')) return 'the user needs the right Read on the topic';
  const resource = RESOURCE.get(code);
  const isAbout = resource !== undefined && right.endsWith(` on the ${resource}`);
  return isAbout ? `the user needs the right ${right}` : ADVICE.get(code);
}
