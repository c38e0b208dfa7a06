import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { reasonOf } from './failure-reason.ts';
import { parseAddresses } from './network-address.ts';

const DEVELOPMENT_BROKERS = '127.0.0.1:9092';

/** Settings of every process that speaks to Kafka; spread them into its schema, KAFKA_SECRETS and kafkaFaults likewise. */
export const kafkaSettings = {
  KAFKA_BROKERS: z
    .string()
    .default(DEVELOPMENT_BROKERS)
    .transform((list, context) => {
      if (list === 'none') return [];
      const brokers = parseAddresses(list);
      const valid = brokers.filter((broker) => broker !== undefined);
      if (valid.length < brokers.length) {
        const message = 'must be host:port, a port from 1 to 65535, more of them separated by commas';
        context.addIssue({ code: 'custom', message });
      }
      return valid;
    })
    .describe(
      'host:port of brokers to find the others by, separated by commas; `none` makes a relay hold all events, in development.',
    ),
  KAFKA_TOPIC: z
    .string()
    .regex(/^[\w.-]{1,249}$/)
    .default('orders.events')
    .describe('The topic of order events.'),
  KAFKA_TLS: z.stringbool().default(false).describe('Whether connections are encrypted.'),
  KAFKA_TLS_CA_FILE: z
    .string()
    .optional()
    .describe('PEM file of the authorities that brokers are checked by, instead of the well-known ones.'),
  KAFKA_SASL_MECHANISM: z
    .enum(['plain', 'scram-sha-256', 'scram-sha-512'])
    .optional()
    .describe('How to log in; unset: without a login.'),
  KAFKA_SASL_USERNAME: z.string().optional().describe('User to log in as.'),
  KAFKA_SASL_PASSWORD: z.string().optional().describe('Password of that user.'),
};

export const KAFKA_SECRETS = ['KAFKA_SASL_PASSWORD'] as const;

export type KafkaSettings = z.output<z.ZodObject<typeof kafkaSettings>>;

/** Where Kafka is and how to speak to it; the shape that packages/messaging takes. */
export interface KafkaConnectionSettings {
  readonly brokers: readonly string[];
  readonly ssl?: true | { readonly ca: string };
  readonly sasl?: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
    readonly username: string;
    readonly password: string;
  };
}

/** What is wrong with settings that are valid one by one. */
export function kafkaFaults(config: KafkaSettings & { readonly NODE_ENV: string }): string[] {
  const faults: string[] = [];
  if (config.NODE_ENV === 'production' && config.KAFKA_BROKERS.join() === DEVELOPMENT_BROKERS) {
    faults.push('KAFKA_BROKERS: must be set in production; the default is for development');
  }
  if (config.KAFKA_TLS_CA_FILE !== undefined) {
    if (!config.KAFKA_TLS) faults.push('KAFKA_TLS_CA_FILE: has no use without KAFKA_TLS=true');
    const reason = reasonNotToRead(config.KAFKA_TLS_CA_FILE);
    if (reason) faults.push(`KAFKA_TLS_CA_FILE: cannot be read: ${reason}`);
  }
  const login = ['KAFKA_SASL_MECHANISM', 'KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'] as const;
  const missing = login.filter((name) => config[name] === undefined);
  if (missing.length > 0 && missing.length < login.length) {
    faults.push(`${missing.join(', ')}: must be set, as a login needs mechanism, username and password`);
  }
  return faults;
}

/** Reads the file of certificates. Throws when it has vanished since the settings were checked. */
export function kafkaConnection(config: KafkaSettings): KafkaConnectionSettings {
  const {
    KAFKA_TLS_CA_FILE: caFile,
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_SASL_USERNAME: username,
    KAFKA_SASL_PASSWORD: password,
  } = config;
  return {
    brokers: config.KAFKA_BROKERS,
    ...(config.KAFKA_TLS && { ssl: caFile === undefined ? true : { ca: readFileSync(caFile, 'utf8') } }),
    ...(mechanism &&
      username !== undefined &&
      password !== undefined && { sasl: { mechanism, username, password } }),
  };
}

function reasonNotToRead(file: string): string | undefined {
  try {
    readFileSync(file);
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}
