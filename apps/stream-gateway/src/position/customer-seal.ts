import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { StreamError } from '../stream/stream-error.ts';
import { decodeCheckedToken, encodeCheckedToken, MalformedTokenError } from './checked-token.ts';

/**
 * Turns resume tokens into ones that say nothing: offsets tell how much all customers order together. Sealed tokens are of use to that
 * customer alone, on every replica that has the same secret. Nobody who is confined may use any others: places that were made up would
 * be answered by where the log begins and ends.
 */
export interface CustomerSeal {
  /** Another one each time: equal ones would tell that nobody has ordered anything in between. */
  seal(token: string): string;
  /** Throws a StreamError for everything that was not sealed for this customer; `field` is the token's path in the request. */
  open(token: string, field?: string): string;
}

/** 0, 1 and 3 are resume tokens, 2 is an acknowledgement. */
const SEALED = 4;
const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const LENGTH_BYTES = 4;
/** Lengths tell of the size of offsets. */
const PADDED_TO_BYTES = 64;

export function createCustomerSeal(secret: string, customerId: string): CustomerSeal {
  // Of UTF-16, which is what ids are compared by: all that differ have different keys.
  const purpose = Buffer.concat([Buffer.from('resume token '), Buffer.from(customerId, 'utf16le')]);
  const key = Buffer.from(hkdfSync('sha256', secret, '', purpose, KEY_BYTES));

  function opened(token: string): string {
    const { kind, body } = decodeCheckedToken(token);
    if (kind !== SEALED || body.length < NONCE_BYTES + TAG_BYTES) throw foreign();
    const decipher = createDecipheriv(CIPHER, key, body.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAuthTag(body.subarray(-TAG_BYTES));
    try {
      const ciphertext = body.subarray(NONCE_BYTES, -TAG_BYTES);
      return unpadded(Buffer.concat([decipher.update(ciphertext), decipher.final()]));
    } catch {
      throw foreign();
    }
  }

  return {
    seal(token) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
      const ciphertext = Buffer.concat([cipher.update(padded(token)), cipher.final()]);
      return encodeCheckedToken({
        kind: SEALED,
        body: Buffer.concat([nonce, ciphertext, cipher.getAuthTag()]),
      });
    },
    open(token, field = 'start.resume_token') {
      try {
        return opened(token);
      } catch (error: unknown) {
        if (!(error instanceof MalformedTokenError)) throw error;
        const text = `the resume token ${error.message}: pass one on as it was received`;
        throw new StreamError('RESUME_TOKEN_MALFORMED', text, { field, cause: error });
      }
    },
  };
}

function foreign(): MalformedTokenError {
  return new MalformedTokenError('was not given to this customer');
}

function padded(token: string): Buffer {
  const bytes = Buffer.from(token, 'base64url');
  const length = Math.ceil((LENGTH_BYTES + bytes.length) / PADDED_TO_BYTES) * PADDED_TO_BYTES;
  const content = Buffer.alloc(length);
  content.writeUInt32BE(bytes.length);
  content.set(bytes, LENGTH_BYTES);
  return content;
}

function unpadded(content: Buffer): string {
  return content.toString('base64url', LENGTH_BYTES, LENGTH_BYTES + content.readUInt32BE());
}
