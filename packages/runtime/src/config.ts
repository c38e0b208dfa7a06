import type { z } from 'zod';
import { resolveSecretFiles, secretFileVariable } from './secret-files.ts';

export interface ConfigSource<Shape extends z.ZodRawShape> {
  /** Rules across settings go into `refine`, so that single and joint faults are reported together. */
  readonly schema: z.ZodObject<Shape>;
  /** Values as strings, by variable name; empty strings count as not set. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Variables of this app start with it; an unknown one is a fault (a misspelt setting must not be ignored in silence). */
  readonly prefix: string;
  /** Variables whose values are never shown. Each may also stand in a file, which `<name>_FILE` names. */
  readonly secrets: readonly string[];
  /** Rules that look at several settings at once: messages of what is wrong and what is right. */
  readonly refine?: (config: z.output<z.ZodObject<Shape>>) => readonly string[];
}

/** The configuration is wrong; the message lists every fault, for people. The process ends with 78 (EX_CONFIG). */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Parses the environment by a schema. Throws one ConfigError that names all faults at once. */
export function readConfig<Shape extends z.ZodRawShape>(
  source: ConfigSource<Shape>,
): z.output<z.ZodObject<Shape>> {
  const given = Object.fromEntries(Object.entries(source.env).filter(([, value]) => value !== ''));
  const { env, faults: fileFaults } = resolveSecretFiles(given, source.secrets);
  const result = source.schema.safeParse(env);
  const faults = [...fileFaults, ...unknownVariables(source, env)];
  if (!result.success) {
    faults.unshift(...result.error.issues.map((issue) => faultOf(issue, source, env)));
  } else {
    faults.push(...(source.refine?.(result.data) ?? []));
    if (faults.length === 0) return result.data;
  }
  throw new ConfigError(`invalid configuration:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
}

/** The effective settings with their origin, secrets masked; for one log line at start. */
export function describeConfig<Shape extends z.ZodRawShape>(
  source: ConfigSource<Shape>,
  config: Readonly<Record<string, unknown>>,
): Record<string, string> {
  const lines = Object.entries(config).map(([name, value]) => {
    const shown = source.secrets.includes(name) ? '***' : String(value);
    return [name, `${shown} (${originOf(name, source)})`] as const;
  });
  return Object.fromEntries(lines);
}

function originOf<Shape extends z.ZodRawShape>(
  name: string,
  { env, secrets }: ConfigSource<Shape>,
): 'env' | 'file' | 'default' {
  if (env[name]) return 'env';
  return secrets.includes(name) && env[secretFileVariable(name)] ? 'file' : 'default';
}

function faultOf<Shape extends z.ZodRawShape>(
  issue: z.core.$ZodIssue,
  source: ConfigSource<Shape>,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const name = String(issue.path[0] ?? '');
  const value = env[name];
  const shown =
    value === undefined ? 'not set' : source.secrets.includes(name) ? '***' : JSON.stringify(value);
  return `${name} = ${shown}: ${issue.message}`;
}

function unknownVariables<Shape extends z.ZodRawShape>(
  source: ConfigSource<Shape>,
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  const known = Object.keys(source.schema.shape);
  return Object.keys(env)
    .filter((name) => name.startsWith(source.prefix) && !known.includes(name))
    .map(
      (name) =>
        `${name}: no such setting; known are ${known.filter((k) => k.startsWith(source.prefix)).join(', ')}`,
    );
}
