import type { Request, RequestHandler, Response } from 'express';
import type { z } from 'zod';
import type { Moment, OrderService } from '../orders/order-service.ts';
import { listEtagOf, orderJson } from './order-json.ts';
import { listQuery } from './order-schemas.ts';
import type { PageTokens, TokenKind } from './page-token.ts';
import { callerOf } from './request-caller.ts';
import { checked, faultyInput, requireDecodableQuery } from './request-input.ts';
import { sendUnlessKnown } from './send-unless-known.ts';

type ListQuery = z.output<typeof listQuery>;

/** `GET /orders`: the orders that there are, or with `changed_since` those that have changed. */
export function listRoute(service: OrderService, tokens: PageTokens): RequestHandler {
  async function list(request: Request, response: Response, query: ListQuery): Promise<void> {
    const caller = callerOf(request);
    const about = { ...filterOf(query), confinedTo: caller.customerId };
    const place = decoded('page_token', query.page_token, tokens.list, about);
    const page = await service.list({
      ...filterOf(query),
      caller,
      limit: query.page_size,
      after: place?.position,
    });
    const { orders, next } = page;
    // Whoever walks through all pages has seen what there was at the first: what has changed since then is to come.
    const moment = place ? place.moment : page.moment;
    // Made of the place, since tokens are new each time. Whoever has the page has an earlier moment, from which nothing is missing.
    sendUnlessKnown(request, response, listEtagOf(orders, JSON.stringify(next ?? null)), () => ({
      orders: orders.map(orderJson),
      next_page_token: next ? tokens.list.encode({ position: next, moment }, about) : null,
      changes_token: changesToken(moment, caller.customerId),
    }));
  }

  async function listChanges(
    request: Request,
    response: Response,
    query: ListQuery & { changed_since: string },
  ): Promise<void> {
    const caller = callerOf(request);
    const confinement = { confinedTo: caller.customerId };
    const since = decoded('changed_since', query.changed_since, tokens.moment, confinement);
    const about = { ...filterOf(query), ...confinement, since: query.changed_since };
    const after = decoded('page_token', query.page_token, tokens.changes, about);
    const page = await service.listChanges({
      ...filterOf(query),
      ...{ caller, limit: query.page_size, since, after },
    });
    const changes_token = changesToken(page.moment, caller.customerId);
    // A token that leads on is worth an answer even when no order is in it.
    sendUnlessKnown(request, response, listEtagOf(page.orders, changes_token), () => ({
      orders: page.orders.map(orderJson),
      next_page_token: page.next ? tokens.changes.encode(page.next, about) : null,
      changes_token,
    }));
  }

  const changesToken = (moment: Moment | undefined, confinedTo: string | undefined) =>
    moment ? tokens.moment.encode(moment, { confinedTo }) : null;

  return async (request, response) => {
    requireDecodableQuery(request);
    const query = checked(listQuery, request.query, 'query');
    requireOneOfBoth(query);
    const { changed_since } = query;
    if (changed_since === undefined) await list(request, response, query);
    else await listChanges(request, response, { ...query, changed_since });
  };
}

/** In the order of their values: page tokens are about it. */
const filterOf = (query: ListQuery) => ({
  status: query.status,
  customerId: query.customer_id,
  statuses: query.statuses?.toSorted(),
  customerIds: query.customer_ids?.toSorted(),
  orderIds: query.order_ids?.map((id) => id.toLowerCase()).toSorted(),
});

function requireOneOfBoth(query: ListQuery): void {
  const both = [
    ...(query.status && query.statuses ? ['statuses'] : []),
    ...(query.customer_id && query.customer_ids ? ['customer_ids'] : []),
  ];
  if (both.length === 0) return;
  const detail = 'must not be given along with the parameter of one';
  throw faultyInput(
    'query',
    both.map((name) => ({ pointer: `/query/${name}`, detail })),
  );
}

const RIGHT_TOKEN = {
  page_token: 'must be the next_page_token of an answer to the same filter and changed_since',
  changed_since: 'must be the changes_token of an answer',
};

function decoded<Content>(
  name: keyof typeof RIGHT_TOKEN,
  token: string,
  kind: TokenKind<Content>,
  about: object,
): Content;
function decoded<Content>(
  name: keyof typeof RIGHT_TOKEN,
  token: string | undefined,
  kind: TokenKind<Content>,
  about: object,
): Content | undefined;
function decoded<Content>(
  name: keyof typeof RIGHT_TOKEN,
  token: string | undefined,
  kind: TokenKind<Content>,
  about: object,
): Content | undefined {
  if (token === undefined) return undefined;
  const content = kind.decode(token, about);
  if (content) return content;
  throw faultyInput('query', [{ pointer: `/query/${name}`, detail: RIGHT_TOKEN[name] }]);
}
