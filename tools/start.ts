import { startOrderSystem } from './stack/order-system.ts';

const stop = new Promise<void>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
});

const system = await startOrderSystem({
  onStep: (step) => console.log(`starting ${step}`),
  onLogLine(app, { level, msg, ...fields }) {
    if (level === 'warn' || level === 'error' || level === 'fatal')
      console.log(`${app}: ${String(msg)}`, fields['err'] ?? '');
  },
});
const { api, gateway, kafka, postgres } = system;
const relay = system.relay();
const token = await system.token?.();
/** For curl and grpcurl alike. */
const login = token === undefined ? '' : ` -H "authorization: Bearer $TOKEN"`;
if (token !== undefined) {
  console.log(`\nAccess control is on. A token that may do everything, for one hour:\n  TOKEN=${token}`);
}
console.log(`
  REST API        ${api.urls.http}/orders
  API reference   ${api.urls.http}/docs
  gRPC gateway    ${gateway.urls.grpc}
  live page       ${gateway.urls.grpcWeb}/
  Kafka           ${kafka.brokers.join(',')}  topic orders.events
  PostgreSQL      ${postgres.url}
  relay status    ${relay.urls.admin}/status
  metrics         ${api.urls.admin}/metrics  ${relay.urls.admin}/metrics  ${gateway.urls.admin}/metrics
  to kill         API ${api.pid}  relay ${relay.pid}  gateway ${gateway.pid}  Kafka ${kafka.pid}

Watch pending and cancelled orders (leave it running):
  grpcurl -plaintext${login} -d '{"filter":{"statuses":["ORDER_STATUS_PENDING","ORDER_STATUS_CANCELLED"]}}' ${gateway.urls.grpc} orders.v1.OrderStreamService/WatchOrders

Place an order:
  curl -sS ${api.urls.http}/orders${login} -H 'content-type: application/json' -d '{"customer_id":"c-1","currency":"EUR","items":[{"sku":"tea","quantity":2,"unit_price_minor":450}]}'

See orders move in a browser: ${gateway.urls.grpcWeb}/${login && ' (it asks for the token)'}

Subscribe, as the README says:
  NOTIFICATIONS_GATEWAY=${gateway.urls.grpc} make notifications
  WAREHOUSE_GATEWAY=${gateway.urls.grpc} WAREHOUSE_API_URL=${api.urls.http} make warehouse

Ctrl-C stops everything.`);
let stopping = false;
const relayKept = keepRelay();
await stop;
stopping = true;
console.log('\nstopping');
await system.stop();
await relayKept;

/** A relay that is killed is started again, as a supervisor would. */
async function keepRelay(): Promise<void> {
  for (;;) {
    await system.relay().exited;
    if (stopping) return;
    await system.replaceRelay();
    console.log(`the relay ended; the new one is process ${system.relay().pid}`);
  }
}
