import type {
  OrderStreamAdminServiceClient,
  OrderStreamServiceClient,
} from './gen/orders/v1/order_stream.ts';

export interface OrderStreamConnection {
  readonly client: OrderStreamServiceClient;
  /** Ends the streams of this client and its connection. */
  close(): void;
}

/** To the operators' port of a gateway. */
export interface OrderStreamAdminConnection {
  readonly client: OrderStreamAdminServiceClient;
  close(): void;
}

/** Makes connections with the same options, in Node.js or in a browser. */
export interface Connector {
  connect(address: string): OrderStreamConnection;
  /** Whether another connection may have other credentials. */
  readonly areCredentialsRenewable: boolean;
}
