import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { z } from 'zod';
import { reasonOf } from './failure-reason.ts';
import { parseAddresses } from './network-address.ts';
import { currentSecret } from './secret-files.ts';

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
  KAFKA_TLS_CERTIFICATE_FILE: z
    .string()
    .optional()
    .describe(
      'PEM file of the certificate, with its chain, that brokers check this process by; together with its key.',
    ),
  KAFKA_TLS_KEY_FILE: z.string().optional().describe('PEM file of the private key of that certificate.'),
  KAFKA_SASL_MECHANISM: z
    .enum(['plain', 'scram-sha-256', 'scram-sha-512'])
    .optional()
    .describe('How to log in; unset: without a login.'),
  KAFKA_SASL_USERNAME: z.string().optional().describe('User to log in as.'),
  KAFKA_SASL_PASSWORD: z.string().optional().describe('Password of that user.'),
  KAFKA_CLEARTEXT_LOGIN: z
    .enum(['refuse', 'accept'])
    .default('refuse')
    .describe(
      'Whether production may log in by `plain` without TLS, which sends the password as it is: `accept` only where the network itself is closed.',
    ),
};

export const KAFKA_SECRETS = ['KAFKA_SASL_PASSWORD'] as const;

export type KafkaSettings = z.output<z.ZodObject<typeof kafkaSettings>>;

/** Where Kafka is and how to speak to it; the shape that packages/messaging takes. */
export interface KafkaConnectionSettings {
  readonly brokers: readonly string[];
  /** Asked for each connection: certificates are renewed while a process runs. */
  readonly ssl?: true | (() => KafkaTls);
  /** The same: passwords are rotated. */
  readonly sasl?: () => KafkaLogin;
}

export interface KafkaTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface KafkaLogin {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

/** What is wrong with settings that are valid one by one. */
export function kafkaFaults(config: KafkaSettings & { readonly NODE_ENV: string }): string[] {
  const faults: string[] = [];
  if (config.NODE_ENV === 'production' && config.KAFKA_BROKERS.join() === DEVELOPMENT_BROKERS) {
    faults.push('KAFKA_BROKERS: must be set in production; the default is for development');
  }
  faults.push(...tlsFaults(config));
  const login = ['KAFKA_SASL_MECHANISM', 'KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'] as const;
  const missing = login.filter((name) => config[name] === undefined);
  if (missing.length > 0 && missing.length < login.length) {
    faults.push(`${missing.join(', ')}: must be set, as a login needs mechanism, username and password`);
  }
  if (
    config.NODE_ENV === 'production' &&
    config.KAFKA_SASL_MECHANISM === 'plain' &&
    !config.KAFKA_TLS &&
    config.KAFKA_CLEARTEXT_LOGIN === 'refuse'
  ) {
    faults.push(
      'KAFKA_SASL_MECHANISM: plain sends the password as it is, which production refuses without TLS: set KAFKA_TLS=true, or KAFKA_CLEARTEXT_LOGIN=accept',
    );
  }
  return faults;
}

const TLS_FILES = ['KAFKA_TLS_CA_FILE', 'KAFKA_TLS_CERTIFICATE_FILE', 'KAFKA_TLS_KEY_FILE'] as const;

function tlsFaults(config: KafkaSettings): string[] {
  const given = TLS_FILES.filter((name) => config[name] !== undefined);
  const faults = config.KAFKA_TLS ? [] : given.map((name) => `${name}: has no use without KAFKA_TLS=true`);
  const [, ...pair] = TLS_FILES;
  const missing = pair.filter((name) => config[name] === undefined);
  if (missing.length === 1) faults.push(`${missing.join()}: must be set, as a certificate needs its key`);
  const unreadable = given.flatMap((name) => {
    const reason = reasonNotToRead(config[name]);
    return reason === undefined ? [] : [`${name}: cannot be read: ${reason}`];
  });
  if (unreadable.length > 0 || faults.length > 0) return [...faults, ...unreadable];
  try {
    createSecureContext(tlsFiles(config));
    return [];
  } catch (error) {
    return [`${given.join(', ')}: cannot be used: ${reasonOf(error)}`];
  }
}

/** Reads the files of certificates. Throws when one has vanished since the settings were checked. */
export function kafkaConnection(config: KafkaSettings): KafkaConnectionSettings {
  const {
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_SASL_USERNAME: username,
    KAFKA_SASL_PASSWORD: password,
  } = config;
  const hasFiles = TLS_FILES.some((name) => config[name] !== undefined);
  return {
    brokers: config.KAFKA_BROKERS,
    ...(config.KAFKA_TLS && { ssl: hasFiles ? renewedFiles(config) : true }),
    ...(mechanism &&
      username !== undefined &&
      password !== undefined && {
        sasl: () => ({ mechanism, username, password: currentSecret(password) }),
      }),
  };
}

/** What was read last counts while a file cannot be read. */
function renewedFiles(config: KafkaSettings): () => KafkaTls {
  let last = tlsFiles(config);
  return () => {
    try {
      last = tlsFiles(config);
    } catch {
      // Files of certificates are replaced, and may be away for a moment.
    }
    return last;
  };
}

function tlsFiles(config: KafkaSettings): KafkaTls {
  const { KAFKA_TLS_CA_FILE: ca, KAFKA_TLS_CERTIFICATE_FILE: cert, KAFKA_TLS_KEY_FILE: key } = config;
  return {
    ...(ca !== undefined && { ca: readFileSync(ca, 'utf8') }),
    ...(cert !== undefined && { cert: readFileSync(cert, 'utf8') }),
    ...(key !== undefined && { key: readFileSync(key, 'utf8') }),
  };
}

function reasonNotToRead(file: string | undefined): string | undefined {
  try {
    return file === undefined || readFileSync(file).length > 0 ? undefined : 'the file is empty';
  } catch (error) {
    return reasonOf(error);
  }
}
