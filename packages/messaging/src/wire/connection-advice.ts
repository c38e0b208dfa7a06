/** What a connection had come to when it failed. */
export interface FailedConnection {
  readonly withTls: boolean;
  readonly withLogin: boolean;
  /** Requests that the broker had answered. */
  readonly answers: number;
  readonly sentBytes: number;
  readonly cause: unknown;
}

const UNSUPPORTED_SASL_MECHANISM = 33;
const ILLEGAL_SASL_STATE = 34;

const UNTRUSTED: ReadonlySet<unknown> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);
/** What a broker says that does not take this process's certificate, or has got none. */
const WANTS_CERTIFICATE =
  /^ERR_SSL_(TLSV13_ALERT_CERTIFICATE_REQUIRED|TLSV1_ALERT_UNKNOWN_CA|(SSLV3|SSL\/TLS)_ALERT_(BAD_CERTIFICATE|CERTIFICATE_(UNKNOWN|EXPIRED|REVOKED)|HANDSHAKE_FAILURE))$/;
const NOT_TLS: ReadonlySet<unknown> = new Set(['ECONNRESET', 'ERR_SSL_WRONG_VERSION_NUMBER']);

/** What was sent after the versions were asked for; a connection that ends under more has other reasons. */
const SMALL_REQUESTS_BYTES = 16 * 1024;

/** What an operator can do about a connection that failed; undefined when the settings are not to blame. */
export function adviceOn(failed: FailedConnection): string | undefined {
  return adviceOnCause(failed.cause) ?? adviceOnSilence(failed);
}

function adviceOnCause(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  if (cause.name === 'KafkaJSSASLAuthenticationError') {
    return 'check KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD and KAFKA_SASL_MECHANISM';
  }
  const code = 'code' in cause ? cause.code : undefined;
  if (code === UNSUPPORTED_SASL_MECHANISM) return 'check KAFKA_SASL_MECHANISM';
  if (code === ILLEGAL_SASL_STATE) return 'this port asks for no login: check it, or unset KAFKA_SASL_*';
  if (UNTRUSTED.has(code)) return 'check KAFKA_TLS_CA_FILE: it does not hold what signed the certificate';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return 'the broker must be named in KAFKA_BROKERS, and advertise itself, as in its certificate';
  }
  if (typeof code === 'string' && WANTS_CERTIFICATE.test(code)) {
    return 'the broker wants a certificate that it trusts: check KAFKA_TLS_CERTIFICATE_FILE and KAFKA_TLS_KEY_FILE';
  }
  if (code === 'CERT_HAS_EXPIRED') return "renew the broker's certificate";
  return undefined;
}

/** A broker that is spoken to in the wrong way only hangs up, as does one that ends. */
function adviceOnSilence({
  withTls,
  withLogin,
  answers,
  sentBytes,
  cause,
}: FailedConnection): string | undefined {
  if (withTls && answers === 0 && cause instanceof Error && 'code' in cause && NOT_TLS.has(cause.code)) {
    return 'if it goes on, this port speaks no TLS: check it and KAFKA_TLS';
  }
  if (!withTls && answers === 0 && cause instanceof RangeError) {
    return 'if this is a Kafka port it wants TLS: set KAFKA_TLS=true';
  }
  if (!withLogin && answers === 1 && sentBytes <= SMALL_REQUESTS_BYTES && cause === undefined) {
    return 'if it goes on, this port wants a login: set KAFKA_SASL_MECHANISM';
  }
  return undefined;
}
