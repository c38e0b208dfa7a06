export interface TopicsConfig {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  /** How long the job waits for Kafka. */
  readonly waitMs: number;
}

/** The settings of the job that creates the topic. Throws one error that names every fault. */
export function loadTopicsConfig(
  env: Readonly<Record<string, string | undefined>> = process.env,
): TopicsConfig {
  const faults: string[] = [];
  const wholeNumber = (name: string, fallback: number, maximum: number): number => {
    const text = env[name] || String(fallback);
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < 1 || value > maximum) {
      faults.push(`${name} must be a whole number from 1 to ${maximum}, found "${text}"`);
    }
    return value;
  };
  const brokers = (env.KAFKA_BROKERS ?? '')
    .split(',')
    .map((broker) => broker.trim())
    .filter((broker) => broker !== '');
  if (brokers.length === 0) faults.push('KAFKA_BROKERS must name at least one broker as host:port');
  const config = {
    brokers,
    topic: env.KAFKA_TOPIC || 'orders.events',
    partitions: wholeNumber('KAFKA_TOPIC_PARTITIONS', 12, 10_000),
    replicationFactor: wholeNumber('KAFKA_TOPIC_REPLICATION_FACTOR', 1, 32_767),
    waitMs: wholeNumber('KAFKA_TOPIC_WAIT_MS', 120_000, 2_147_483_647),
  };
  if (faults.length > 0) throw new Error(faults.join('; '));
  return config;
}
