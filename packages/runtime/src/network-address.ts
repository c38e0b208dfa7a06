import { isIPv6 } from 'node:net';
import { z } from 'zod';

/** Where a server is. An IPv6 address has no brackets here; in text it has them whenever a port follows. */
export interface NetworkAddress {
  readonly host: string;
  readonly port: number;
}

const HOST_NAME = /^[\w.-]+$/;
const MAX_PORT = 65_535;

/** `host:port`, with an IPv6 address in brackets: what URLs and gRPC want, and what can be read again. */
export function addressText({ host, port }: NetworkAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Reads a host, with or without the brackets of an IPv6 address; undefined when it is none. */
export function parseHost(text: string): string | undefined {
  const inBrackets = /^\[(.*)\]$/.exec(text)?.[1];
  const host = inBrackets ?? text;
  if (isIPv6(host)) return host;
  return inBrackets === undefined && HOST_NAME.test(host) ? host : undefined;
}

/** Reads `host:port`; the port is what stands behind the last colon. Undefined when it is none. */
export function parseAddress(text: string): NetworkAddress | undefined {
  const split = /^(?<name>.*):(?<digits>\d{1,5})$/.exec(text.trim());
  const host = parseHost(split?.groups?.['name'] ?? '');
  const port = Number(split?.groups?.['digits']);
  return host !== undefined && port >= 1 && port <= MAX_PORT ? { host, port } : undefined;
}

/** A setting that says where to listen. */
export const listenHost = z
  .string()
  .refine((text) => parseHost(text.trim()) !== undefined, {
    message: 'must be a host name or an address, without a port',
  })
  .transform((text) => parseHost(text.trim()) ?? text);

/** A setting that says on which port to listen. */
export const listenPort = z.coerce.number().int().min(0).max(MAX_PORT);

/** A setting that says where another server is; its value is written as `addressText` does. */
export const remoteAddress = z
  .string()
  .refine((text) => parseAddress(text) !== undefined, {
    message: `must be host:port, a port from 1 to ${MAX_PORT}`,
  })
  .transform(canonical);

/** Several of them, separated by commas. */
export function parseAddresses(list: string): readonly (string | undefined)[] {
  return list.split(',').map((text) => (parseAddress(text) ? canonical(text) : undefined));
}

/** Whether the port of a URL, if it names one, can be connected to: the URL standard takes 0 for a port. */
export function hasUsablePort(url: string): boolean {
  return URL.parse(url)?.port !== '0';
}

/** Whether a URL is without user and password: fetch refuses one that has them, with a message that shows them. */
export function hasNoLogin(url: string): boolean {
  const parsed = URL.parse(url);
  return parsed === null || (parsed.username === '' && parsed.password === '');
}

function canonical(text: string): string {
  const address = parseAddress(text);
  return address ? addressText(address) : text;
}
