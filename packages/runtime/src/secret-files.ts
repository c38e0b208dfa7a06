import { readFileSync } from 'node:fs';
import { reasonOf } from './failure-reason.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the value of a secret may stand instead: a file, as container platforms mount secrets. */
export const secretFileVariable = (name: string): string => `${name}_FILE`;

/** The secrets that came from files, by what they were at the start. */
const read = new Map<string, { readonly file: string; last: string }>();

/**
 * What stands now in the file that a secret came from, for whoever uses it again and again while it is being rotated. While the file
 * cannot be read it is what was read last; a secret that came from no file stays what it is.
 */
export function currentSecret(atStart: string): string {
  const source = read.get(atStart);
  if (!source) return atStart;
  try {
    source.last = readSecret(source.file);
  } catch {
    // Files of secrets are replaced, and may be away for a moment.
  }
  return source.last;
}

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
      const secret = readSecret(file);
      env[name] = secret;
      read.set(secret, { file, last: secret });
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
