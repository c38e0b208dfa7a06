/** Selectors that may have no series in a stack that is well, as the query's author wrote them, and why. */
export const MAY_BE_EMPTY: ReadonlyMap<string, string> = new Map([
  ['outbox_findings{severity!="notice"}', 'it has a series for each thing that is wrong, and only then'],
]);
