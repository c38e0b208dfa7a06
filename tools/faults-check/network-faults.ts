import { ADDRESSES, type Host } from './network-system.ts';
import type { DirectionRule } from './switched-network.ts';

/** Who has lost whom; `victim` of relays and gateways is the one that is at work for sure. */
export interface NetworkFault {
  readonly name: string;
  readonly rules: (victimGateway: Host) => readonly DirectionRule[];
}

interface Pair {
  readonly name: string;
  readonly server: Host | 'gateway';
  readonly clients: readonly Host[];
}

type Effect = Omit<DirectionRule, 'from' | 'to'>;

const PAIRS: readonly Pair[] = [
  { name: 'api–postgres', clients: ['api'], server: 'postgres' },
  { name: 'relay–postgres', clients: ['relay-1', 'relay-2'], server: 'postgres' },
  { name: 'relay–kafka', clients: ['relay-1', 'relay-2'], server: 'kafka' },
  { name: 'gateway–kafka', clients: ['gateway-1', 'gateway-2'], server: 'kafka' },
  { name: 'client–gateway', clients: ['gateway-1', 'gateway-2'], server: 'client' },
];

const LATE: Effect = { delayMs: 100, jitterMs: 50 };
const LOSSY: Effect = { loss: 0.1 };
const GONE: Effect = { drop: true };

export const NETWORK_FAULTS: readonly NetworkFault[] = PAIRS.flatMap(({ name, clients, server }) => {
  const serverAt = ADDRESSES[server as Host];
  /** One of several is cut off, and the others are not: what it did must be taken over. */
  const one = (gateway: Host) => clients.filter((host) => clients.length === 1 || host === gateway);
  const victim = (gateway: Host) => (clients.includes(gateway) ? one(gateway) : clients.slice(0, 1));
  const to = (hosts: readonly Host[], effect: Effect) =>
    hosts.map((host) => ({ from: ADDRESSES[host], to: serverAt, ...effect }));
  const back = (hosts: readonly Host[], effect: Effect) =>
    hosts.map((host) => ({ from: serverAt, to: ADDRESSES[host], ...effect }));
  const both = (hosts: readonly Host[], effect: Effect) => [...to(hosts, effect), ...back(hosts, effect)];
  const [left, right] = name.split('–');
  const isClient = server === 'client';
  const faults: NetworkFault[] = [
    { name: `${name}: 100 ± 50 ms later, each way`, rules: () => both(clients, LATE) },
    { name: `${name}: 10 % lost, each way`, rules: () => both(clients, LOSSY) },
    {
      name: `${name}: nothing from ${left} to ${right}`,
      rules: (gateway) => (isClient ? back : to)(victim(gateway), GONE),
    },
    {
      name: `${name}: nothing from ${right} to ${left}`,
      rules: (gateway) => (isClient ? to : back)(victim(gateway), GONE),
    },
    { name: `${name}: cut`, rules: (gateway) => both(victim(gateway), GONE) },
  ];
  if (clients.length > 1) faults.push({ name: `${name}: all cut`, rules: () => both(clients, GONE) });
  return faults;
});
