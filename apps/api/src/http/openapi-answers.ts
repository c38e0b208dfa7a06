import { PROBLEMS, RETRY_AFTER, type ProblemCode } from './problem.ts';

/** A reference to one of the document's schemas, with an example of it. */
export function content(schema: string, example?: unknown, type = 'application/json'): object {
  const described = { schema: { $ref: `#/components/schemas/${schema}` } };
  return { content: { [type]: example === undefined ? described : { ...described, example } } };
}

/** A header that each such answer has, unless it is `optional`. */
export function header(
  description: string,
  example: string,
  presence: 'always' | 'optional' = 'always',
): object {
  return { description, required: presence === 'always', schema: { type: 'string' }, example };
}

/** Sent with every answer, whatever its status. */
export const COMMON_HEADERS = {
  'X-Request-Id': header(
    'Trace id of the request: in its log lines and in the events that it caused.',
    '0af7651916cd43dd8448eb211c80319c',
  ),
};

const RETRY_AFTER_HEADER = header('Seconds after which to try again.', '1', 'optional');

/** An answer that is what the caller hoped for. */
export function answer(options: {
  readonly description: string;
  readonly schema?: string;
  readonly example?: unknown;
  readonly headers?: Readonly<Record<string, object>>;
  readonly links?: Readonly<Record<string, object>>;
}): object {
  const { description, schema, example, headers, links } = options;
  return {
    description,
    headers: { ...headers, ...COMMON_HEADERS },
    ...(schema && content(schema, example)),
    ...(links && { links }),
  };
}

/** What every route can answer: most of it before the route is known. */
const ANYWHERE: readonly ProblemCode[] = [
  'validation_failed',
  'malformed_request',
  'unauthenticated',
  'forbidden',
  'not_acceptable',
  'request_timeout',
  'expectation_failed',
  'headers_too_large',
  'too_many_requests',
  'internal_error',
  'overloaded',
  'keys_unavailable',
  'service_unavailable',
];

/** The problems that a route can answer beside those that every route can; one entry a status. */
export function problems(...codes: ProblemCode[]): Record<string, object> {
  const all: ProblemCode[] = [...ANYWHERE, ...codes];
  const byStatus = Map.groupBy(all, (code) => String(PROBLEMS[code].status));
  return Object.fromEntries([...byStatus].map(([status, those]) => [status, problemAnswer(those)]));
}

function problemAnswer(codes: readonly ProblemCode[]): object {
  const described = codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}.`).join(' ');
  return {
    description: described,
    headers: {
      ...(codes.some((code) => RETRY_AFTER[code]) && { 'Retry-After': RETRY_AFTER_HEADER }),
      ...COMMON_HEADERS,
    },
    ...content('Problem', undefined, 'application/problem+json'),
  };
}
