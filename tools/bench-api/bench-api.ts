import { type ApiProcess, startApiProcess } from './api-process.ts';
import type { BenchContext } from './bench-part.ts';

export interface BenchApi {
  readonly api: ApiProcess;
  readonly databaseUrl: string;
}

/** A database of the part's own with the API on it; both are gone when the part is over. */
export async function startBenchApi(
  context: BenchContext,
  database: string,
  spansUrl?: string,
): Promise<BenchApi> {
  const { servers, defer } = context;
  const databaseUrl = await servers.createDatabase(database);
  defer(() => servers.dropDatabase(database));
  return { api: await startApiProcess(context, databaseUrl, spansUrl), databaseUrl };
}
