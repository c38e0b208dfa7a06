import { z } from 'zod';

/** Fields that only private and secret keys have. */
const SECRET_FIELDS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];

const keyDocument = z.object({
  keys: z.array(z.looseObject({ kty: z.string() })).max(100),
});

export type KeyDocument = z.output<typeof keyDocument>;

/** Reads a JSON Web Key Set. Throws an error that says what is wrong, without what is in the text. */
export function parseKeys(text: string): KeyDocument {
  const { success, data } = keyDocument.safeParse(jsonOf(text));
  if (!success) throw new Error('it must be a JSON Web Key Set: {"keys":[…]}, with at most 100 keys');
  if (data.keys.some((key) => SECRET_FIELDS.some((field) => field in key))) {
    throw new Error('it has a private or secret key: only public keys belong there');
  }
  return data;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
