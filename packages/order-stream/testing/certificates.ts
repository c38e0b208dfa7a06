import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/** PEM, both. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

export interface Authority {
  /** What those must trust who trust what it issues; PEM. */
  readonly certificate: string;
  /** Issues a certificate for a host name or the name of a client. */
  issue(name: string): Certificate;
}

const DAY_MS = 86_400_000;

/** An authority of a test's own, written down byte by byte (RFC 5280), because not every machine has a tool that makes one. */
export function createAuthority(name = 'an authority of a test'): Authority {
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const make = (subject: string, publicKey: KeyObject, extension: Buffer) =>
    pem(
      'CERTIFICATE',
      certificateBytes({ subject, publicKey, extension, issuer: name, key: authority.privateKey }),
    );
  return {
    certificate: make(name, authority.publicKey, IS_AUTHORITY),
    issue(subject) {
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
      return { certificate: make(subject, publicKey, hasName(subject)), key };
    },
  };
}

function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const lengthBytes =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...lengthBytes]), content]);
}

const sequence = (...parts: readonly Uint8Array[]) => der(0x30, ...parts);
const set = (...parts: readonly Uint8Array[]) => der(0x31, ...parts);
const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'));
const octets = (content: Uint8Array) => der(0x04, content);
const bits = (content: Uint8Array) => der(0x03, Buffer.from([0]), content);
const text = (content: string) => der(0x0c, Buffer.from(content));
const explicit = (number: number, content: Uint8Array) => der(0xa0 + number, content);

const ECDSA_WITH_SHA256 = sequence(oid('2a8648ce3d040302'));
const COMMON_NAME = oid('550403');
const TRUE = der(0x01, Buffer.from([0xff]));

/** basicConstraints: CA. */
const IS_AUTHORITY = sequence(oid('551d13'), TRUE, octets(sequence(TRUE)));

/** subjectAltName: a DNS name. */
const hasName = (name: string) => sequence(oid('551d11'), octets(sequence(der(0x82, Buffer.from(name)))));

const nameOf = (commonName: string) => sequence(set(sequence(COMMON_NAME, text(commonName))));

/** UTCTime: 261129105500Z. */
const time = (ms: number) =>
  der(0x17, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`));

function certificateBytes(of: {
  readonly subject: string;
  readonly publicKey: KeyObject;
  readonly extension: Buffer;
  readonly issuer: string;
  readonly key: KeyObject;
}): Buffer {
  const unsigned = sequence(
    explicit(0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1]), randomBytes(8)),
    ECDSA_WITH_SHA256,
    nameOf(of.issuer),
    sequence(time(Date.now() - DAY_MS), time(Date.now() + DAY_MS)),
    nameOf(of.subject),
    of.publicKey.export({ type: 'spki', format: 'der' }),
    explicit(3, sequence(of.extension)),
  );
  return sequence(unsigned, ECDSA_WITH_SHA256, bits(sign('sha256', unsigned, of.key)));
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
