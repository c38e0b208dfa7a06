import { startContainers } from './container-servers.ts';
import { startEmbeddedServers } from './embedded-servers.ts';
import type { RunServers, ServerSource } from './run-servers.ts';
import { chosenLines, type ServerLines } from './server-lines.ts';

/** Starts the servers of the given source; without one, containers where an engine can give them, else embedded ones. */
export async function startRunServers(
  source?: ServerSource,
  lines: ServerLines = chosenLines(),
): Promise<RunServers> {
  if (source === 'embedded') return startEmbeddedServers(lines);
  try {
    return await startContainers(lines);
  } catch (error: unknown) {
    if (source === 'containers') throw error;
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
    console.log(`No containers (${reason}): starting embedded servers`);
    return startEmbeddedServers(lines);
  }
}
