import { z } from 'zod';
import { type Moment, shortSnapshot, snapshotOf } from '../orders/moment.ts';
import type { ChangesPosition, ListPosition } from '../orders/order-service.ts';
import { createTokenSeal } from './sealed-token.ts';

/** One kind of token. What is about something else, of another kind or forged is none. */
export interface TokenKind<Content> {
  encode(content: Content, about: object): string;
  decode(token: string, about: object): Content | undefined;
}

/** The place in a list, and the moment of its first page. */
export interface ListPlace {
  readonly position: ListPosition;
  readonly moment: Moment | undefined;
}

/** Makes and reads the tokens of lists. */
export interface PageTokens {
  /** By which a list goes on; about its filter, and to whose orders it is confined. */
  readonly list: TokenKind<ListPlace>;
  /** By which a list of changes goes on; about the same, and since when. */
  readonly changes: TokenKind<ChangesPosition>;
  /** Since when changes are asked for; about whose orders alone, as a moment is the same for every filter. */
  readonly moment: TokenKind<Moment>;
}

const shortText = z.string().regex(/^[0-9a-z]+(\.[0-9a-z]+)+$/);
const momentContent = z.tuple([z.string(), shortText]);
const listContent = z.tuple([z.iso.datetime(), z.uuid(), momentContent.nullable()]);
const changesContent = z.tuple([shortText, z.string().regex(/^\d+$/), z.string()]);

/**
 * Opaque and sealed; a token holds the place, so no offset is counted and new orders do not shift pages. It lets nobody see more: what a
 * caller is confined to is in the query, whatever the token says. Nor does it tell anything: how many transactions there were is how much
 * all customers order.
 */
export function createPageTokens(secret?: string): PageTokens {
  const seal = createTokenSeal(secret);

  function kind<Content, Parts extends z.ZodType>(
    name: string,
    parts: Parts,
    toParts: (content: Content) => z.input<Parts>,
    ofParts: (parts: z.output<Parts>) => Content,
  ): TokenKind<Content> {
    return {
      encode: (content, about) => seal.seal(JSON.stringify(toParts(content)), [name, about]),
      decode(token, about) {
        const text = seal.open(token, [name, about]);
        return text === undefined ? undefined : ofParts(parts.parse(JSON.parse(text)));
      },
    };
  }

  return {
    list: kind('list 3', listContent, partsOfList, ([createdAt, orderId, moment]): ListPlace => ({
      position: { createdAt, orderId },
      moment: moment === null ? undefined : momentOfParts(moment),
    })),
    changes: kind(
      'changes 1',
      changesContent,
      partsOfChanges,
      ([until, transactionId, key]): ChangesPosition => ({
        until: snapshotOf(until),
        ...{ transactionId, key },
      }),
    ),
    moment: kind('moment 1', momentContent, partsOfMoment, momentOfParts),
  };
}

const partsOfMoment = ({ run, snapshot }: Moment): z.input<typeof momentContent> => [
  run,
  shortSnapshot(snapshot),
];
const momentOfParts = ([run, snapshot]: z.output<typeof momentContent>): Moment => ({
  run,
  snapshot: snapshotOf(snapshot),
});
const partsOfList = ({ position, moment }: ListPlace): z.input<typeof listContent> => [
  position.createdAt,
  position.orderId,
  moment ? partsOfMoment(moment) : null,
];
const partsOfChanges = ({ until, transactionId, key }: ChangesPosition): z.input<typeof changesContent> => [
  shortSnapshot(until),
  transactionId,
  key,
];
