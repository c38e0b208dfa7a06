import { z } from 'zod';
import { InvalidHeldRecordError } from './held-unreadable.ts';

/** The value of a record as the schema says. Throws an InvalidHeldRecordError, which tells fields and versions, and nothing of an order. */
export function readStored<T extends z.ZodType>(schema: T, value: Buffer): z.output<T> {
  const json = parseJson(value);
  const read = schema.safeParse(json);
  if (read.success) return read.data;
  const version = z.object({ version: z.number() }).safeParse(json);
  if (version.success && version.data.version !== 1) {
    throw new InvalidHeldRecordError(`this gateway does not know its version ${version.data.version}`);
  }
  const fields = [...new Set(read.error.issues.map(({ path }) => path.join('.')))].filter(Boolean);
  throw new InvalidHeldRecordError(`it is not complete: ${fields.join(', ') || 'no object'}`);
}

function parseJson(value: Buffer): unknown {
  try {
    return JSON.parse(value.toString());
  } catch {
    // The reason of the parser quotes what it has found.
    throw new InvalidHeldRecordError('it is no JSON');
  }
}
