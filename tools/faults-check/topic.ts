import { ORDER_TOPIC } from '../stack/order-system.ts';

export const TOPIC = ORDER_TOPIC;
export const PARTITIONS = 12;
