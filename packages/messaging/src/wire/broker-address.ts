import { isIPv6 } from 'node:net';

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

export function addressName({ host, port }: BrokerAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Reads `host:port`; the port is what stands behind the last colon. Throws a RangeError. */
export function parseAddress(broker: string): BrokerAddress {
  const match = /^(?:\[(?<bracketed>[^\]]+)\]|(?<bare>.+)):(?<port>\d+)$/.exec(broker.trim());
  const host = match?.groups?.bracketed ?? match?.groups?.bare ?? '';
  const port = Number(match?.groups?.port);
  const named = host !== '' && (isIPv6(host) || !host.includes(':'));
  if (!named || !(port >= 1 && port <= 65_535)) {
    throw new RangeError(`a Kafka broker is named host:port, found "${broker}"`);
  }
  return { host, port };
}
