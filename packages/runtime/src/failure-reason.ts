/**
 * What an error says, in one line or a few. Of a host name with several addresses Node.js tells what each of them said inside, and
 * nothing outside.
 */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return [...new Set(error.errors.map(reasonOf))].join('; ');
  }
  if (!(error instanceof Error)) return String(error);
  return error.message === '' ? error.name : error.message;
}
