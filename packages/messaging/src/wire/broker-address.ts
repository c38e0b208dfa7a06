export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

export function addressName({ host, port }: BrokerAddress): string {
  return `${host}:${port}`;
}

/** Reads `host:port`, with an IPv6 address in brackets. Throws a RangeError. */
export function parseAddress(broker: string): BrokerAddress {
  const match = /^(?:\[(?<ipv6>[^\]]+)\]|(?<host>[^:]+)):(?<port>\d+)$/.exec(broker.trim());
  const host = match?.groups?.ipv6 ?? match?.groups?.host;
  const port = Number(match?.groups?.port);
  if (!host || !(port >= 1 && port <= 65_535)) {
    throw new RangeError(`a Kafka broker is named host:port, found "${broker}"`);
  }
  return { host, port };
}
