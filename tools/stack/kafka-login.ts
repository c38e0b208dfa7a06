import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findFreePort } from './free-port.ts';
import { runKafkaTool } from './kafka-java.ts';

/** A listener beside the plain one that takes TLS only, and asks for a login (SCRAM) or for a certificate of the client. */
export interface SecuredListener {
  /** One `host:port`. */
  readonly brokers: string[];
  /** The certificate that clients must trust: a PEM file, and its text. */
  readonly caFile: string;
  readonly ca: string;
}

export interface ScramUser {
  readonly username: string;
  readonly password: string;
}

/** Whom a listener lets in: users by their passwords, or whoever has a certificate of the authority in a PEM file. */
export type LetIn = ScramUser | readonly ScramUser[] | { readonly clientsOf: string };

interface SecuredListenerPlan {
  readonly listener: SecuredListener;
  /** Appended to the broker's own `listeners`. */
  readonly address: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly formatArgs: readonly string[];
}

const MECHANISMS = ['SCRAM-SHA-256', 'SCRAM-SHA-512'];
/** It guards a key that lives as long as a test. */
const STORE_PASSWORD = 'changeit';

const run = promisify(execFile);

/** Makes a certificate for this machine, and says what the broker must be told to let these in. */
export async function planSecuredListener(directory: string, letIn: LetIn): Promise<SecuredListenerPlan> {
  const keystore = join(directory, 'keystore.p12');
  const caFile = join(directory, 'ca.pem');
  const store = ['-keystore', keystore, '-storepass', STORE_PASSWORD, '-alias', 'kafka'];
  await run('keytool', [
    ...['-genkeypair', ...store, '-storetype', 'PKCS12', '-keyalg', 'EC', '-groupname', 'secp256r1'],
    ...['-dname', 'CN=embedded Kafka', '-ext', 'san=ip:127.0.0.1', '-validity', '7'],
  ]);
  await run('keytool', ['-exportcert', '-rfc', ...store, '-file', caFile]);
  const port = await findFreePort();
  return {
    listener: { brokers: [`127.0.0.1:${port}`], caFile, ca: await readFile(caFile, 'utf8') },
    address: `SECURED://127.0.0.1:${port}`,
    settings: {
      ...('clientsOf' in letIn ? certificateSettings(letIn.clientsOf) : LOGIN_SETTINGS),
      'listener.name.secured.ssl.keystore.location': keystore,
      'listener.name.secured.ssl.keystore.type': 'PKCS12',
      'listener.name.secured.ssl.keystore.password': STORE_PASSWORD,
      'listener.name.secured.ssl.key.password': STORE_PASSWORD,
    },
    formatArgs: 'clientsOf' in letIn ? [] : [letIn].flat().flatMap(formatArgsOf),
  };
}

const SCRAM_LOGIN = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
const LOGIN_SETTINGS = {
  'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURED:SASL_SSL',
  'listener.name.secured.sasl.enabled.mechanisms': MECHANISMS.join(),
  'listener.name.secured.scram-sha-256.sasl.jaas.config': SCRAM_LOGIN,
  'listener.name.secured.scram-sha-512.sasl.jaas.config': SCRAM_LOGIN,
};

function certificateSettings(authorityFile: string): Record<string, string> {
  return {
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURED:SSL',
    'listener.name.secured.ssl.client.auth': 'required',
    'listener.name.secured.ssl.truststore.type': 'PEM',
    'listener.name.secured.ssl.truststore.location': authorityFile,
  };
}

function formatArgsOf({ username, password }: ScramUser): string[] {
  return MECHANISMS.flatMap((name) => ['--add-scram', `${name}=[name=${username},password=${password}]`]);
}

/** Changes the user's password for SCRAM-SHA-512; `brokers` are those of the plain listener. */
export async function setScramPassword(
  brokers: readonly string[],
  { username, password }: ScramUser,
): Promise<void> {
  const { exitCode, stdout, stderr } = await runKafkaTool('kafka.admin.ConfigCommand', [
    ...['--bootstrap-server', brokers.join(), '--alter', '--entity-type', 'users', '--entity-name', username],
    ...['--add-config', `SCRAM-SHA-512=[password=${password}]`],
  ]);
  if (exitCode !== 0) throw new Error(`the password of ${username} was not changed:\n${stdout}${stderr}`);
}
