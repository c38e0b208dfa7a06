import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { migrateToLatest } from '@order-events/database';
import { buildOpenApiDocument } from '../../apps/api/src/http/openapi.ts';
import { startEmbeddedPostgres } from '../stack/index.ts';
import { buildAsyncApiDocument } from './asyncapi.ts';
import { configurationPage } from './configuration-page.ts';
import { generateLivePageClient, LIVE_PAGE_CLIENT } from './live-page-client.ts';
import { GENERATED_PROTO, generateProto } from './proto.ts';
import { dumpSchema } from './schema-dump.ts';

export const REPOSITORY = join(import.meta.dirname, '..', '..');

const OPENAPI_FILE = 'apps/api/openapi.json';
const ASYNCAPI_FILE = 'packages/messaging/asyncapi.json';
const SCHEMA_FILE = 'migrations/schema.sql';
const CONFIGURATION_FILE = 'docs/configuration.md';

/** What is generated and committed, relative to the repository. */
export const GENERATED_FILES = [
  GENERATED_PROTO,
  OPENAPI_FILE,
  ASYNCAPI_FILE,
  SCHEMA_FILE,
  CONFIGURATION_FILE,
  LIVE_PAGE_CLIENT,
];

/** Generates all of GENERATED_FILES from their sources, in place. */
export async function generateAll(): Promise<void> {
  await generateProto(REPOSITORY);
  // After the code of the contract, which is in it.
  await generateLivePageClient(REPOSITORY);
  await writeJson(OPENAPI_FILE, buildOpenApiDocument());
  await writeJson(ASYNCAPI_FILE, buildAsyncApiDocument());
  await writeFile(join(REPOSITORY, SCHEMA_FILE), await schemaOfMigrations());
  await writeFile(join(REPOSITORY, CONFIGURATION_FILE), configurationPage());
}

async function writeJson(file: string, value: object): Promise<void> {
  await writeFile(join(REPOSITORY, file), `${JSON.stringify(value, null, 2)}\n`);
}

async function schemaOfMigrations(): Promise<string> {
  const postgres = await startEmbeddedPostgres();
  try {
    await migrateToLatest(postgres.url);
    return await dumpSchema(postgres.url);
  } finally {
    await postgres.stop();
  }
}
