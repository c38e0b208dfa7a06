import type { LogRecord } from '../wire/record-batch.ts';

/** The type of events that say nothing but that the way is open; no order event. */
export const CANARY_EVENT_TYPE = 'relay.canary';

const TYPE_BYTES = Buffer.from(CANARY_EVENT_TYPE);

/** Whether a record is a canary, told by its header without a look at its value. Whoever reads the topic skips it. */
export function isCanaryRecord({ headers }: Pick<LogRecord, 'headers'>): boolean {
  const type = headers['ce_type'];
  return type instanceof Buffer && TYPE_BYTES.equals(type);
}
