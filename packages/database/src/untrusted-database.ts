const ADVICE = {
  authority: "check sslrootcert in the database's URL: it does not hold what signed the server's certificate",
  name: "the host in the database's URL must be a name that stands in the server's certificate",
  time: "renew the server's certificate, or check the clock",
};
const NO_TLS = 'sslmode in the URL asks for TLS: switch it on at the server (ssl=on), or check host and port';

/** By the codes that Node.js gives these errors. */
const ADVICE_ON: ReadonlyMap<unknown, string> = new Map([
  ['DEPTH_ZERO_SELF_SIGNED_CERT', ADVICE.authority],
  ['SELF_SIGNED_CERT_IN_CHAIN', ADVICE.authority],
  ['UNABLE_TO_GET_ISSUER_CERT', ADVICE.authority],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', ADVICE.authority],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', ADVICE.authority],
  ['CERT_SIGNATURE_FAILURE', ADVICE.authority],
  ['ERR_TLS_CERT_ALTNAME_INVALID', ADVICE.name],
  ['CERT_HAS_EXPIRED', ADVICE.time],
  ['CERT_NOT_YET_VALID', ADVICE.time],
]);

/** Whether a connection was given up because the server could not show that it is the database. */
export function isDatabaseUntrusted(error: unknown): boolean {
  return adviceOn(error) !== undefined;
}

/** Adds to what such an error says what an operator can do about it; any other error stays as it is. */
export function adviseOnTrust(error: unknown): unknown {
  const advice = adviceOn(error);
  if (advice !== undefined && error instanceof Error && !error.message.endsWith(`(${advice})`)) {
    error.message = `${error.message} (${advice})`;
  }
  return error;
}

function adviceOn(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  // node-postgres gives this one no code.
  if (error.message.startsWith('The server does not support SSL connections')) return NO_TLS;
  return 'code' in error ? ADVICE_ON.get(error.code) : undefined;
}
