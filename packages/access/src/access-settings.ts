import { readFileSync } from 'node:fs';
import { reasonOf } from '@order-events/runtime';
import { z } from 'zod';
import { parseKeys } from './key-document.ts';

/** Signatures by a private key, whose public half a key set has. A shared secret is not among them: see ACCESS_SECRET. */
const ALGORITHMS: readonly string[] = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
/** HMAC with SHA-256 is as strong as its key up to so many bytes. */
const MIN_SECRET_BYTES = 32;
const SOURCES = ['ACCESS_JWKS_URL', 'ACCESS_JWKS_FILE', 'ACCESS_SECRET'] as const;

/** Settings of every process that lets others in; spread them into its schema, ACCESS_SECRETS and accessFaults likewise. */
export const accessSettings = {
  ACCESS_CONTROL: z
    .enum(['off', 'jwt', 'open-to-everybody'])
    .default('off')
    .describe(
      '`jwt` lets in who has a token; `off` lets everybody do everything, which production refuses unless it says `open-to-everybody`.',
    ),
  ACCESS_ISSUER: z.string().optional().describe('Whose tokens are taken: their `iss`, in full.'),
  ACCESS_AUDIENCE: z.string().optional().describe('For whom tokens must be meant: `aud` is, or has, this.'),
  ACCESS_ALGORITHMS: z
    .string()
    .default('RS256,PS256,ES256,EdDSA')
    .transform((list) => list.split(',').map((name) => name.trim()))
    .refine((names) => names.every((name) => ALGORITHMS.includes(name)), {
      message: `must be some of ${ALGORITHMS.join(', ')}, separated by commas`,
    })
    .describe(
      'How tokens may be signed, separated by commas; with ACCESS_SECRET it is HS256 and nothing else.',
    ),
  ACCESS_JWKS_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      'Where the issuer shows its keys. Exactly one of this, ACCESS_JWKS_FILE and ACCESS_SECRET is needed.',
    ),
  ACCESS_JWKS_FILE: z.string().optional().describe('A file with the keys; read again when it changes.'),
  ACCESS_SECRET: z
    .string()
    .refine((secret) => Buffer.byteLength(secret) >= MIN_SECRET_BYTES, {
      message: `must have at least ${MIN_SECRET_BYTES} bytes`,
    })
    .optional()
    .describe(
      `What issuer and verifier share, at least ${MIN_SECRET_BYTES} bytes; whoever verifies could also issue.`,
    ),
  ACCESS_JWKS_REFRESH_MS: milliseconds(1000, 3_600_000)
    .default(20_000)
    .describe('Keys are looked at so often; a key that was revoked is refused within this time.'),
  ACCESS_JWKS_COOLDOWN_MS: milliseconds(100, 60_000)
    .default(2000)
    .describe('Tokens of unknown keys make us look at most so often; a new key works within this time.'),
  ACCESS_JWKS_KEPT_MS: milliseconds(1000, 86_400_000)
    .default(900_000)
    .describe('The last keys are used for so long while they cannot be read; after that nobody is let in.'),
  ACCESS_JWKS_TIMEOUT_MS: milliseconds(100, 30_000)
    .default(3000)
    .describe('Reading the keys may take so long.'),
};

export const ACCESS_SECRETS = ['ACCESS_SECRET'] as const;

export type AccessSettings = z.output<z.ZodObject<typeof accessSettings>>;

/** What is wrong with settings that are valid one by one. */
export function accessFaults(config: AccessSettings & { readonly NODE_ENV: string }): string[] {
  const production = config.NODE_ENV === 'production';
  if (production && config.ACCESS_CONTROL === 'off') {
    return ['ACCESS_CONTROL: must be jwt in production, or open-to-everybody when that is what is meant'];
  }
  if (config.ACCESS_CONTROL !== 'jwt') return [];
  const faults = (['ACCESS_ISSUER', 'ACCESS_AUDIENCE'] as const)
    .filter((name) => config[name] === undefined)
    .map((name) => `${name}: must be set when ACCESS_CONTROL is jwt`);
  if (SOURCES.filter((name) => config[name] !== undefined).length !== 1) {
    faults.push(`${SOURCES.join(', ')}: exactly one must be set when ACCESS_CONTROL is jwt`);
  }
  if (production && config.ACCESS_JWKS_URL?.startsWith('http:')) {
    faults.push('ACCESS_JWKS_URL: must be https in production: whoever can answer for it lets anybody in');
  }
  if (config.ACCESS_JWKS_KEPT_MS <= config.ACCESS_JWKS_REFRESH_MS) {
    faults.push('ACCESS_JWKS_KEPT_MS: must be longer than ACCESS_JWKS_REFRESH_MS');
  }
  if (config.ACCESS_JWKS_FILE !== undefined) faults.push(...keyFileFaults(config.ACCESS_JWKS_FILE));
  return faults;
}

function keyFileFaults(file: string): string[] {
  try {
    parseKeys(readFileSync(file, 'utf8'));
    return [];
  } catch (error) {
    return [`ACCESS_JWKS_FILE: cannot be used: ${reasonOf(error)}`];
  }
}

function milliseconds(min: number, max: number) {
  return z.coerce.number().int().min(min).max(max);
}
