import { html } from '@order-events/runtime';
import { Router } from 'express';
import { allowMethods } from './allowed-methods.ts';
import { PROBLEMS, type ProblemCode } from './problem.ts';
import { PROBLEM_PAGE } from './problem-type.ts';

/** What whoever gets a problem can do about it. */
const ADVICE: Readonly<Record<ProblemCode, string>> = {
  validation_failed: 'Correct what the pointers in errors lead to. The same request will be refused again.',
  malformed_request: 'Send HTTP/1.1 as RFC 9112 has it; a proxy may have damaged the request.',
  malformed_json: 'Send one JSON text in UTF-8, whole, and compressed as Content-Encoding says.',
  unauthenticated:
    'Send a token that holds: Authorization: Bearer, then the token. WWW-Authenticate tells more.',
  forbidden: 'Use a token with the scope that is named, or one that is not confined to another customer.',
  order_not_found: 'Check the id. A token of a customer finds the orders of that customer only.',
  route_not_found: 'Check the path: /openapi.json has all there are.',
  method_not_allowed: 'Use one of the methods in the header Allow.',
  not_acceptable: 'Take application/json in the header Accept, or leave it out.',
  request_timeout: 'Send the whole request sooner. Nothing was done.',
  invalid_status_transition: 'Read the order: from its status only the ones that are named can follow.',
  idempotency_key_in_use:
    'Wait as Retry-After says and send the request again: it gets the answer of the first.',
  import_in_progress:
    'Wait as Retry-After says and send the batch again: what is there by then is told as present.',
  order_busy: 'Wait as Retry-After says and send the change again. Nothing was done.',
  version_mismatch: 'Read the order again, and send the change with its new ETag if it still makes sense.',
  changes_expired: 'List the orders without changed_since, and go on with the changes_token of that list.',
  precondition_failed: 'Leave out the condition, or send the request when it is met. Nothing was done.',
  payload_too_large: 'Send less at once: an order with fewer lines.',
  unsupported_media_type: 'Send the body in UTF-8 with Content-Type: application/json.',
  expectation_failed: 'Leave the header Expect out, or send 100-continue.',
  invalid_order: 'Correct the order as detail says. The same request will be refused again.',
  idempotency_key_reused: 'Use a new key for a new request; send the same request with the key of before.',
  too_many_requests:
    'Wait as Retry-After says. Take changes from the stream gateway instead of asking again.',
  headers_too_large: 'Send fewer or shorter headers.',
  internal_error:
    'Try again later, with an Idempotency-Key. Tell who runs the API the trace_id: the cause is logged.',
  overloaded: 'Wait as Retry-After says and send the request again. Nothing was done.',
  keys_unavailable: 'Wait as Retry-After says and send the request again. Nothing was done.',
  read_only: 'Read meanwhile; send changes again after the time in Retry-After. Nothing was changed.',
  service_unavailable:
    'Send the request again after the time in Retry-After, a change with an Idempotency-Key: whether it was made may be unknown.',
};

// Any code is a key of the table, and nothing else.
const CODES = Object.keys(PROBLEMS) as ProblemCode[];

const PAGE = html`<!doctype html>
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <title>Problems of the Orders API</title>
    </head>
    <body>
      <h1>Problems of the Orders API</h1>
      <p>
        The <code>type</code> of a problem leads to its section here. Decide by <code>code</code>, which is
        stable; <code>trace_id</code> finds the request in logs and traces.
      </p>
      ${CODES.map(
        (code) =>
          html`<section id="${code}">
            <h2>${PROBLEMS[code].title}</h2>
            <p><code>${code}</code>, status ${PROBLEMS[code].status}</p>
            <p>${ADVICE[code]}</p>
          </section> `,
      )}
    </body>
  </html> `;

/** The page that the types of problems lead to; for everybody, as whoever has no token gets problems as well. */
export function problemPage(): Router {
  const router = Router();
  router.get(PROBLEM_PAGE, (_request, response) => {
    response.type('html').send(String(PAGE));
  });
  allowMethods(router, PROBLEM_PAGE, ['GET']);
  return router;
}
