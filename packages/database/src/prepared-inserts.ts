/** The program has a handful of insert statements; were there ever more, the rest would be sent as before. */
const MAX_STATEMENTS = 100;

/**
 * Names inserts, so that the server parses and plans each once per session and not each time: half of what an insert of one row costs
 * it. Only inserts, and only those that answer with columns by their names or none: a migration may add columns to what a prepared
 * SELECT or RETURNING of all answers with, and the server would then refuse it.
 */
export function createInsertNames(): (text: string) => string | undefined {
  const names = new Map<string, string>();
  return (text) => {
    if (!/^insert /i.test(text) || / returning \*/i.test(text)) return undefined;
    if (!names.has(text) && names.size < MAX_STATEMENTS) names.set(text, `insert_${names.size + 1}`);
    return names.get(text);
  };
}
