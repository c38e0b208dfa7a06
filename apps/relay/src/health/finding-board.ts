import { type Finding, mergedFindings } from '@order-events/outbox';

/** What the parts of this relay have found to be wrong, now. */
export interface FindingBoard {
  /** Replaces what `source` had found; nothing at all when it is well again. */
  put(source: string, findings: readonly Finding[]): void;
  /** Of all sources; the same finding about several partitions is one. */
  list(): readonly Finding[];
}

/**
 * Each part that can be held up has a source of its own here, one for each partition where it is about one, and takes back what has
 * passed. Sources are bounded: parts and partitions.
 */
export function createFindingBoard(): FindingBoard {
  const bySource = new Map<string, readonly Finding[]>();
  return {
    put(source, findings) {
      if (findings.length === 0) bySource.delete(source);
      else bySource.set(source, findings);
    },
    list: () => mergedFindings([...bySource.values()].flat()),
  };
}
