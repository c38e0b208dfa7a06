/** Where every type of problem is explained. */
export const PROBLEM_PAGE = '/problems';

/** What a problem is, as a reference to where that is explained (RFC 9457): to a place of the API that answered. */
export function problemType(code: string): string {
  return `${PROBLEM_PAGE}#${code}`;
}
