/**
 * Ids that other systems give: of customers, and of articles (`sku`). They are compared as they are, byte for byte. So what is new must be
 * what it looks like: two ids that a person takes for one would be two. What was stored before that rule stays, and can be asked for.
 */
export const MAX_CUSTOMER_ID_LENGTH = 200;
export const MAX_SKU_LENGTH = 64;

/** U+0000 to U+001F and U+007F to U+009F. Written so that the engines of all languages read it: clients are generated with it. */
export const NO_CONTROL_CHARACTERS = new RegExp(String.raw`^[^\x00-\x1f\x7f-\x9f]*$`);

/** Whether there can be such an id: what filters and tokens may name. Postgres stores neither U+0000 nor half a surrogate pair. */
export function isPossibleId(id: string, maxLength: number): boolean {
  return id.length >= 1 && id.length <= maxLength && NO_CONTROL_CHARACTERS.test(id) && isWhole(id);
}

/** Marks and joiners that show nothing, directions, ends of lines; the blank pattern of Braille; every space but U+0020. */
const UNSEEN = /[\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/u;
const UNSEEN_SPACES = /^ | $| {2}/;

/** What is wrong with an id that nothing has yet, as the end of a sentence that begins with its name; undefined when it is fine. */
export function newIdFault(id: string): string | undefined {
  const unseen = UNSEEN.exec(id)?.[0];
  if (unseen !== undefined) {
    return `must have no character that is invisible, sets a direction or is a space other than U+0020, found ${codePoint(unseen)}`;
  }
  if (UNSEEN_SPACES.test(id)) return 'must have spaces within it only, and one at a time';
  if (id !== id.normalize('NFC')) return 'must be in the Unicode normal form NFC';
  return undefined;
}

function isWhole(text: string): boolean {
  return !/\p{Cs}/u.test(text);
}

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}
