import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/** Makes tokens that say nothing, and takes them back. */
export interface TokenSeal {
  /** Another text each time: equal ones would tell that nothing has happened in between. `about` is what the token is good for. */
  seal(content: string, about: object): string;
  /** Undefined when the token is not one of ours, or is about something else. */
  open(token: string, about: object): string | undefined;
}

/** Without access control everybody sees every order, so there is nothing to forge or to hide: the seal is a checksum then. */
const NO_SECRET = 'a checksum';
const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Lengths tell how many change orders at a time. */
const PADDED_TO = 64;

/** Replicas that share the secret take each other's tokens. */
export function createTokenSeal(secret: string = NO_SECRET): TokenSeal {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'page token', KEY_BYTES));
  const aboutBytes = (about: object) => Buffer.from(JSON.stringify(about));

  return {
    seal(content, about) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(
        aboutBytes(about),
      );
      const padded = content.padEnd(Math.ceil(content.length / PADDED_TO) * PADDED_TO);
      const sealed = Buffer.concat([cipher.update(padded, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url');
    },

    open(token, about) {
      const bytes = Buffer.from(token, 'base64url');
      if (bytes.length <= NONCE_BYTES + TAG_BYTES) return undefined;
      const nonce = bytes.subarray(0, NONCE_BYTES);
      const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
        .setAAD(aboutBytes(about))
        .setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      const opened = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
      try {
        return Buffer.concat([opened, decipher.final()]).toString();
      } catch {
        // Only the check of the tag throws here.
        return undefined;
      }
    },
  };
}
