import { errorCodes } from 'kafkajs/src/protocol/error.js';
import { adviceOnCode } from './error-advice.ts';

/** Error codes of the Kafka protocol that this package acts on (org.apache.kafka.common.protocol.Errors). */
export const ERROR_CODE = {
  OFFSET_OUT_OF_RANGE: 1,
  CORRUPT_MESSAGE: 2,
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  LEADER_NOT_AVAILABLE: 5,
  NOT_LEADER_OR_FOLLOWER: 6,
  REQUEST_TIMED_OUT: 7,
  MESSAGE_TOO_LARGE: 10,
  NETWORK_EXCEPTION: 13,
  COORDINATOR_LOAD_IN_PROGRESS: 14,
  COORDINATOR_NOT_AVAILABLE: 15,
  NOT_COORDINATOR: 16,
  RECORD_LIST_TOO_LARGE: 18,
  NOT_ENOUGH_REPLICAS: 19,
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 20,
  ILLEGAL_GENERATION: 22,
  INCONSISTENT_GROUP_PROTOCOL: 23,
  UNKNOWN_MEMBER_ID: 25,
  REBALANCE_IN_PROGRESS: 27,
  TOPIC_AUTHORIZATION_FAILED: 29,
  GROUP_AUTHORIZATION_FAILED: 30,
  CLUSTER_AUTHORIZATION_FAILED: 31,
  INVALID_TIMESTAMP: 32,
  TOPIC_ALREADY_EXISTS: 36,
  INVALID_PARTITIONS: 37,
  INVALID_REPLICATION_FACTOR: 38,
  NOT_CONTROLLER: 41,
  OUT_OF_ORDER_SEQUENCE_NUMBER: 45,
  DUPLICATE_SEQUENCE_NUMBER: 46,
  INVALID_PRODUCER_EPOCH: 47,
  INVALID_TXN_STATE: 48,
  INVALID_PRODUCER_ID_MAPPING: 49,
  INVALID_TRANSACTION_TIMEOUT: 50,
  CONCURRENT_TRANSACTIONS: 51,
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 53,
  KAFKA_STORAGE_ERROR: 56,
  UNKNOWN_PRODUCER_ID: 59,
  NON_EMPTY_GROUP: 68,
  GROUP_ID_NOT_FOUND: 69,
  FENCED_LEADER_EPOCH: 74,
  UNKNOWN_LEADER_EPOCH: 75,
  OFFSET_NOT_AVAILABLE: 78,
  MEMBER_ID_REQUIRED: 79,
  GROUP_SUBSCRIBED_TO_TOPIC: 86,
  INVALID_RECORD: 87,
  PRODUCER_FENCED: 90,
} as const;

// kafkajs's table of names ends at 88.
const NAMES: ReadonlyMap<number, string> = new Map([
  ...errorCodes.map(({ code, type }): [number, string] => [code, type]),
  ...Object.entries(ERROR_CODE).map(([name, code]): [number, string] => [code, name]),
]);

const TRANSIENT: ReadonlySet<number> = new Set([
  ERROR_CODE.CORRUPT_MESSAGE,
  ERROR_CODE.UNKNOWN_TOPIC_OR_PARTITION,
  ERROR_CODE.LEADER_NOT_AVAILABLE,
  ERROR_CODE.NOT_LEADER_OR_FOLLOWER,
  ERROR_CODE.REQUEST_TIMED_OUT,
  ERROR_CODE.NETWORK_EXCEPTION,
  ERROR_CODE.COORDINATOR_LOAD_IN_PROGRESS,
  ERROR_CODE.COORDINATOR_NOT_AVAILABLE,
  ERROR_CODE.NOT_COORDINATOR,
  // More brokers may be on their way up.
  ERROR_CODE.INVALID_REPLICATION_FACTOR,
  ERROR_CODE.NOT_CONTROLLER,
  ERROR_CODE.KAFKA_STORAGE_ERROR,
  ERROR_CODE.FENCED_LEADER_EPOCH,
  ERROR_CODE.UNKNOWN_LEADER_EPOCH,
  ERROR_CODE.OFFSET_NOT_AVAILABLE,
]);

/** The broker answered a request with an error code. */
export class KafkaProtocolError extends Error {
  override readonly name = 'KafkaProtocolError';
  readonly code: number;
  /** What an operator can do, when a setting or a right is behind it. */
  readonly advice: string | undefined;
  /** The error without what it is about, with the advice: the same for all partitions. */
  readonly reason: string;

  /** `right`: what the request needs on a cluster with ACLs. */
  constructor(code: number, what: string, right?: string) {
    const advice = adviceOnCode(code, right);
    const reason = `${NAMES.get(code) ?? 'unknown error'} (Kafka error ${code})${advice ? `; ${advice}` : ''}`;
    super(`${what}: ${reason}`);
    this.code = code;
    this.advice = advice;
    this.reason = reason;
  }

  /** Fresh metadata or a little patience mends it. */
  get transient(): boolean {
    return TRANSIENT.has(this.code);
  }
}
