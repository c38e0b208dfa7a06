import { ACCESS_SECRETS, accessSettings } from '@order-events/access';
import { DATABASE_SECRETS, databaseSettings, migrateSettings } from '@order-events/database';
import { KAFKA_SECRETS, kafkaSettings } from '@order-events/runtime';
import { z } from 'zod';
import { apiSettings } from '../../apps/api/src/config.ts';
import { outboxctlSettings } from '../../apps/outboxctl/src/config.ts';
import { relaySettings } from '../../apps/relay/src/config.ts';
import { gatewaySettings } from '../../apps/stream-gateway/src/config.ts';
import { topicsSettings } from '../../apps/topics/src/config.ts';
import { notificationsSettings } from '../../examples/notifications/src/config.ts';
import { warehouseSettings } from '../../examples/warehouse/src/config.ts';

const SHARED = {
  PostgreSQL: z.object(databaseSettings),
  Kafka: z.object(kafkaSettings),
  'access control': z.object(accessSettings),
};

const PROCESSES = {
  'apps/api': apiSettings,
  'apps/relay': relaySettings,
  'apps/stream-gateway': gatewaySettings,
  'apps/outboxctl': outboxctlSettings,
  'apps/topics (one-shot job)': topicsSettings,
  'packages/database, migrate (one-shot job)': migrateSettings,
  'examples/notifications': notificationsSettings,
  'examples/warehouse': warehouseSettings,
};

const SECRETS = [...DATABASE_SECRETS, ...KAFKA_SECRETS, ...ACCESS_SECRETS, 'GATEWAY_TOKEN_SECRET'];

const INTRODUCTION = `# Configuration

Generated from the schemas in the \`config.ts\` of each process by \`make generate\`; do not edit.

Every setting is an environment variable, and none is needed in development. An empty variable counts as not set. A process that is
configured wrongly lists all faults on stderr, values of secrets masked, and ends with 78; a misspelt variable that begins like the
settings of the process is a fault too. What is in force is in the first line of the log.

A secret (${SECRETS.map((name) => `\`${name}\``).join(', ')}) may also stand in a file:
\`<name>_FILE\` names it, as in \`DATABASE_URL_FILE=/run/secrets/database-url\`. A line's end behind it is left out.

What changes while a process runs: the passwords of PostgreSQL and Kafka in such files, and the files of Kafka's certificates, are read
again for each new connection, so that they can be rotated; certificates of servers when their files change. Everything else is read at
the start. The signal SIGUSR2 switches the log between \`debug\` and \`LOG_LEVEL\`.
`;

type Default = string | number | boolean | readonly string[];

const defaultsOf = z.record(z.string(), z.custom<Default | undefined>());

type Setting = z.core.JSONSchema.JSONSchema;

/** The page of all settings, as Markdown. Throws when a setting has no description. */
export function configurationPage(): string {
  const shared = Object.entries(SHARED).map(([title, schema]) => section(title, schema, new Set()));
  const processes = Object.entries(PROCESSES).map(([title, schema]) => {
    const borrowed = Object.entries(SHARED).filter(([, { shape }]) => covers(schema.shape, shape));
    const names = borrowed.flatMap(([, { shape }]) => Object.keys(shape));
    const also = borrowed.map(([name]) => name).join(' and ');
    return section(title, schema, new Set(names), also && `Also those of ${also}, above.\n`);
  });
  return [INTRODUCTION, ...shared, ...processes].join('\n');
}

function covers(shape: z.core.$ZodShape, part: z.core.$ZodShape): boolean {
  return Object.keys(part).every((name) => name in shape);
}

function section(title: string, schema: z.ZodObject, without: ReadonlySet<string>, also = ''): string {
  const defaults = defaultsOf.parse(schema.parse({}));
  const settings = z.toJSONSchema(schema, { io: 'input' }).properties ?? {};
  const rows = Object.entries(settings).flatMap(([name, setting]) => {
    if (without.has(name)) return [];
    if (typeof setting === 'boolean' || !setting.description)
      throw new Error(`${title}: ${name} has no description`);
    return [
      `| \`${name}\` | ${shown(defaults[name])} | ${values(setting, defaults[name])} | ${setting.description} |`,
    ];
  });
  return [
    `## ${title}\n`,
    ...(also ? [also] : []),
    '| Variable | Default | Values | Meaning |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

function shown(value: Default | undefined): string {
  return value === undefined ? '' : `\`${value.toString()}\``;
}

function values(setting: Setting, fallback: Default | undefined): string {
  if (setting.enum) return setting.enum.map((name) => `\`${String(name)}\``).join(', ');
  if (setting.minimum !== undefined) return `${setting.minimum} to ${setting.maximum}`;
  if (typeof fallback === 'boolean') return '`true`, `false`';
  if (setting.pattern) return `\`${setting.pattern}\``;
  return 'text';
}
