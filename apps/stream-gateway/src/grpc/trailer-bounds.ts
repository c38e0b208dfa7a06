import type { FieldViolation } from './invalid-request-error.ts';

/**
 * What a failed call says is sent in trailers, and clients take no more than 8 KiB of them (Python and Java by default; some proxies
 * less): beyond it they see another failure, or drop the connection with all streams on it. So each part has its bound in bytes; the
 * details are sent in base64, and with the text once more, so that all of them together stay below.
 */
const MAX_TEXT_BYTES = 512;
const MAX_VIOLATIONS_BYTES = 2_048;
const MAX_METADATA_BYTES = 2_800;

/** About what a field of a message takes beside its value. */
const FIELD_BYTES = 8;
/** For the words that stand behind a text that was cut. */
const ENDING_BYTES = 40;

/** The beginning of a text that fits into a status. */
export function shortText(text: string, maxBytes = MAX_TEXT_BYTES): string {
  const whole = text.toWellFormed();
  if (encodedBytes(whole) <= maxBytes) return whole;
  let bytes = ENDING_BYTES;
  let kept = '';
  for (const character of whole) {
    bytes += encodedBytes(character);
    if (bytes > maxBytes) break;
    kept += character;
  }
  return `${kept}…`;
}

/** The violations that fit, one of them in any case. */
export function shortViolations(violations: readonly FieldViolation[]): FieldViolation[] {
  let bytes = 0;
  const short = violations.map(({ field, description }) => ({ field, description: shortText(description) }));
  return short.filter(({ field, description }, index) => {
    bytes += Buffer.byteLength(field) + Buffer.byteLength(description) + FIELD_BYTES;
    return index === 0 || bytes <= MAX_VIOLATIONS_BYTES;
  });
}

/** As many violations as fit into a status, and how many there are more. */
export function violationsText(violations: readonly FieldViolation[], total: number): string {
  const parts = violations.map(({ field, description }) => `${field}: ${description}`);
  let text = shortText(parts[0] ?? '');
  let named = 1;
  for (const part of parts.slice(1)) {
    const longer = `${text}; ${part}`;
    if (encodedBytes(longer.toWellFormed()) > MAX_TEXT_BYTES - ENDING_BYTES) break;
    text = longer;
    named += 1;
  }
  return named < total ? `${text}; … and ${total - named} more` : text;
}

/** The values that fit, the first ones first; `sentTwice` stands in a trailer of its own as well. */
export function shortMetadata(
  metadata: Readonly<Record<string, string>>,
  sentTwice: string,
): Record<string, string> {
  let bytes = 0;
  const short = Object.entries(metadata).filter(([name, value]) => {
    const needed = (name.length + value.length + FIELD_BYTES) * (name === sentTwice ? 2 : 1);
    if (bytes + needed > MAX_METADATA_BYTES) return false;
    bytes += needed;
    return true;
  });
  return Object.fromEntries(short);
}

/** As gRPC sends a text: what is not ASCII takes three characters a byte. */
function encodedBytes(wellFormed: string): number {
  return encodeURI(wellFormed).length;
}
