export type { AdminAnswer, AdminPage } from './admin-page.ts';
export { createAdminServer } from './admin-server.ts';
export type { AdminServerOptions, ReadinessCheck } from './admin-server.ts';
export { createBackoff } from './backoff.ts';
export type { Backoff } from './backoff.ts';
export { ConfigError, describeConfig, readConfig } from './config.ts';
export type { ConfigSource } from './config.ts';
export { settleWithin, withDeadline } from './deadline.ts';
export { durationText } from './duration-text.ts';
export { ExpectedError } from './expected-error.ts';
export { reasonOf } from './failure-reason.ts';
export { KAFKA_SECRETS, kafkaConnection, kafkaFaults, kafkaSettings } from './kafka-config.ts';
export type { KafkaConnectionSettings, KafkaSettings } from './kafka-config.ts';
export { Html, html } from './html.ts';
export { startParts } from './lifecycle.ts';
export type { Part, RunningParts } from './lifecycle.ts';
export { createLogger, LOG_LEVELS } from './logger.ts';
export type { Logger } from './logger.ts';
export { createMetricsRegistry } from './metrics.ts';
export {
  addressText,
  hasNoLogin,
  hasUsablePort,
  listenHost,
  listenPort,
  remoteAddress,
} from './network-address.ts';
export type { NetworkAddress } from './network-address.ts';
export { currentSecret } from './secret-files.ts';
export { certificateFilesOf, serverTlsFaults, serverTlsSettings } from './server-tls-config.ts';
export type { ServerTls } from './server-tls-config.ts';
export type { ServerCertificate } from './server-certificate.ts';
export { createCertificateMetrics, createWatchedCertificate } from './watched-certificate.ts';
export type { WatchedCertificate } from './watched-certificate.ts';
export { runProcess } from './process.ts';
export type { ProcessOptions } from './process.ts';
export { retryUntilDone } from './retry-until-done.ts';
export type { RetryOptions } from './retry-until-done.ts';
export { createClosingPart, createOpeningPart, createRunningPart } from './running-part.ts';
export { sleep } from './sleep.ts';
export { createSparingWarn } from './sparing-warn.ts';
export type { SparingWarn } from './sparing-warn.ts';
export { createWakeSignal } from './wake-signal.ts';
export type { WakeSignal } from './wake-signal.ts';
export { startLinkedSpan } from './tracing/linked-span.ts';
export { TRACING_SECRETS, tracingSettings } from './tracing/tracing-config.ts';
export { createTracing } from './tracing/tracing-part.ts';
export type { TracingPart } from './tracing/tracing-part.ts';
export { isSampled } from './tracing/tracing.ts';
export type { RunningSpan, SpanAttributes, SpanLink, TraceCarrier, Tracing } from './tracing/tracing.ts';
