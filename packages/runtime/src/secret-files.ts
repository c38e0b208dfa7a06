import { readFileSync } from 'node:fs';
import { reasonOf } from './failure-reason.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the value of a secret may stand instead: a file, as container platforms mount secrets. */
export const secretFileVariable = (name: string): string => `${name}_FILE`;

export interface ResolvedEnvironment {
  /** With the values of the files under the names of their secrets, and without the variables that name files. */
  readonly env: Record<string, string | undefined>;
  readonly faults: readonly string[];
}

/** Reads the secrets that are in files. What cannot be read is a fault; the message has the file's name, never what is in it. */
export function resolveSecretFiles(given: Environment, secrets: readonly string[]): ResolvedEnvironment {
  const env: Record<string, string | undefined> = { ...given };
  const faults: string[] = [];
  for (const name of secrets) {
    const variable = secretFileVariable(name);
    const file = given[variable];
    if (file === undefined) continue;
    delete env[variable];
    if (given[name] !== undefined) {
      faults.push(`${variable}: set either it or ${name}, not both`);
      continue;
    }
    try {
      env[name] = readSecret(file);
    } catch (error) {
      faults.push(`${variable} = ${JSON.stringify(file)}: ${reasonOf(error)}`);
    }
  }
  return { env, faults };
}

/** A line's end behind the secret is not a part of it: editors and `echo` add one. */
function readSecret(file: string): string {
  const secret = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  if (secret === '') throw new Error('the file is empty');
  return secret;
}
