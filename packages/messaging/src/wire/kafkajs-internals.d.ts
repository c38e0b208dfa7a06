// Types for the inner modules of kafkajs that this package builds on. kafkajs is pinned to exactly 2.2.4 and frozen upstream,
// so these modules do not move; nothing else of its inside is used.

declare module 'kafkajs/src/protocol/encoder.js' {
  /** Writes the primitive types of the Kafka protocol into a growing buffer. */
  export default class Encoder {
    /** The bytes written so far. */
    readonly buffer: Buffer;
    writeInt8(value: number): this;
    writeInt16(value: number): this;
    writeInt32(value: number): this;
    writeBoolean(value: boolean): this;
    writeString(value: string | null): this;
    writeBuffer(value: Buffer): this;
    writeUVarInt(value: number): this;
    writeUVarIntString(value: string | null): this;
  }
}

declare module 'kafkajs/src/protocol/error.js' {
  export const errorCodes: readonly { readonly code: number; readonly type: string }[];
}

declare module 'kafkajs/src/protocol/requests/index.js' {
  import type Encoder from 'kafkajs/src/protocol/encoder.js';

  interface Exchange<Response> {
    readonly request: {
      readonly apiKey: number;
      readonly apiVersion: number;
      readonly apiName: string;
      encode(): Promise<Encoder>;
    };
    readonly response: { decode(payload: Buffer): Promise<Response> };
  }

  interface Api<Arguments, Response> {
    protocol(choice: { readonly version: number }): (args: Arguments) => Exchange<Response>;
  }

  /** int64 fields are decimal strings in responses. */
  interface ProducerIdentity {
    readonly transactionalId: string;
    readonly producerId: string;
    readonly producerEpoch: number;
  }

  interface Requests {
    readonly ApiVersions: Api<
      Record<string, never>,
      {
        readonly errorCode: number;
        readonly apiVersions: readonly {
          readonly apiKey: number;
          readonly minVersion: number;
          readonly maxVersion: number;
        }[];
      }
    >;
    readonly Fetch: Api<
      {
        readonly maxWaitTime: number;
        readonly minBytes: number;
        readonly maxBytes: number;
        readonly isolationLevel: number;
        readonly topics: readonly {
          readonly topic: string;
          readonly partitions: readonly {
            readonly partition: number;
            readonly fetchOffset: bigint;
            readonly maxBytes: number;
          }[];
        }[];
      },
      unknown
    >;
    readonly ListOffsets: Api<
      {
        readonly isolationLevel: number;
        readonly topics: readonly {
          readonly topic: string;
          readonly partitions: readonly { readonly partition: number; readonly timestamp: number }[];
        }[];
      },
      {
        readonly responses: readonly {
          readonly partitions: readonly {
            readonly partition: number;
            readonly errorCode: number;
            readonly timestamp: string;
            readonly offset: string;
          }[];
        }[];
      }
    >;
    readonly GroupCoordinator: Api<
      { readonly groupId: string; readonly coordinatorType: number },
      {
        readonly errorCode: number;
        readonly coordinator: { readonly nodeId: number; readonly host: string; readonly port: number };
      }
    >;
    readonly AddPartitionsToTxn: Api<
      ProducerIdentity & {
        readonly topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[];
      },
      {
        readonly errors: readonly {
          readonly partitionErrors: readonly { readonly partition: number; readonly errorCode: number }[];
        }[];
      }
    >;
    readonly EndTxn: Api<
      ProducerIdentity & { readonly transactionResult: boolean },
      { readonly errorCode: number }
    >;
    readonly Produce: Api<
      {
        readonly acks: number;
        readonly timeout: number;
        readonly producerId: string;
        readonly producerEpoch: number;
        readonly topicData: readonly {
          readonly topic: string;
          readonly partitions: readonly {
            readonly partition: number;
            readonly firstSequence: number;
            readonly messages: readonly {
              readonly key: string;
              readonly value: string;
              readonly headers: Readonly<Record<string, string>>;
            }[];
          }[];
        }[];
      },
      {
        readonly topics: readonly {
          readonly partitions: readonly {
            readonly partition: number;
            readonly errorCode: number;
            readonly baseOffset: string;
          }[];
        }[];
      }
    >;
    readonly DescribeConfigs: Api<
      {
        readonly resources: readonly {
          readonly type: number;
          readonly name: string;
          readonly configNames: readonly string[];
        }[];
      },
      {
        readonly resources: readonly {
          readonly errorCode: number;
          readonly configEntries: readonly {
            readonly configName: string;
            readonly configValue: string | null;
          }[];
        }[];
      }
    >;
    readonly CreatePartitions: Api<
      {
        readonly topicPartitions: readonly { readonly topic: string; readonly count: number }[];
        readonly timeout: number;
      },
      {
        readonly topicErrors: readonly { readonly errorCode: number; readonly errorMessage: string | null }[];
      }
    >;
    readonly CreateTopics: Api<
      {
        readonly topics: readonly {
          readonly topic: string;
          readonly numPartitions: number;
          readonly replicationFactor: number;
          readonly configEntries: readonly { readonly name: string; readonly value: string }[];
        }[];
        readonly timeout: number;
      },
      {
        readonly topicErrors: readonly { readonly errorCode: number; readonly errorMessage: string | null }[];
      }
    >;
  }

  export const requests: Requests;
}

declare module 'kafkajs/src/broker/saslAuthenticator/index.js' {
  import type { SASLOptions } from 'kafkajs';
  import type Encoder from 'kafkajs/src/protocol/encoder.js';

  /** Runs the SASL exchange of `connection.sasl` over `connection.send`. */
  export default class SASLAuthenticator {
    constructor(
      connection: {
        readonly host: string;
        readonly port: number;
        readonly sasl: SASLOptions;
        send(exchange: {
          readonly request: {
            readonly apiKey: number;
            readonly apiVersion: number;
            readonly apiName: string;
            encode(): Promise<Encoder>;
          };
          readonly response: {
            decode(payload: Buffer): Promise<unknown>;
            parse(decoded: unknown): Promise<unknown>;
          };
        }): Promise<unknown>;
      },
      logger: { namespace(name: string): { debug(): void; error(): void } },
      versions: Readonly<Record<number, { readonly minVersion: number; readonly maxVersion: number }>>,
      supportsAuthenticateRequest: boolean,
    );
    authenticate(): Promise<void>;
  }
}

// For tests only: what our own encoder is compared with.
declare module 'kafkajs/src/protocol/decoder.js' {
  export default class Decoder {
    constructor(bytes: Buffer);
  }
}

declare module 'kafkajs/src/protocol/recordBatch/v0/decoder.js' {
  import type Decoder from 'kafkajs/src/protocol/decoder.js';

  export default function decodeRecordBatch(decoder: Decoder): Promise<{
    readonly producerId: string;
    readonly producerEpoch: number;
    readonly firstSequence: number;
    readonly lastOffsetDelta: number;
    readonly maxTimestamp: string;
    readonly records: readonly {
      readonly offset: string;
      readonly key: Buffer;
      readonly value: Buffer;
      readonly headers: Readonly<Record<string, Buffer>>;
    }[];
  }>;
}
