import { isIPv4 } from 'node:net';

const CREDENTIAL = /authorization|cookie|token|secret|password|api-?key/i;

let hasWarned = false;

/** Warns, once in a process, when what looks like a credential leaves this machine without TLS. */
export function warnOfClearText(address: string, names: readonly string[]): void {
  const credential = names.find((name) => CREDENTIAL.test(name));
  if (hasWarned || credential === undefined || isOnThisMachine(address)) return;
  hasWarned = true;
  process.emitWarning(
    `metadata ${credential} is sent to ${address} without TLS: whoever is in between can read it`,
    {
      code: 'ORDER_STREAM_CREDENTIAL_IN_CLEAR_TEXT',
    },
  );
}

/** Whether an address leads to a process beside this one. */
export function isOnThisMachine(address: string): boolean {
  if (/^unix(-abstract)?:/.test(address)) return true;
  const host = address
    .replace(/^\w+:\/+/, '')
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1');
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}
