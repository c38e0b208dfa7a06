import { claimSendMark } from './claim-send-mark.ts';
import { debezium } from './debezium.ts';
import type { Peer } from './peer.ts';
import { thisRelay } from './this-relay.ts';

/** In the order in which they take turns. */
export const PEERS: readonly Peer[] = [thisRelay, debezium, claimSendMark];
