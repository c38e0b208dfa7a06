/**
 * SQL for a time of the database, in whole milliseconds, that is before the snapshot of the statement was taken. Each statement that asks
 * for it is a transaction of its own, which begins when the statement arrives. Neither `clock_timestamp()` nor `statement_timestamp()` will
 * do: the one is read behind the snapshot, and so is the other in the extended protocol, where it is told anew when a statement that has its
 * snapshot is executed. What was committed between the two would be promised and is not seen.
 */
export const TAKEN_AT_MS = `floor(date_part('epoch', transaction_timestamp()) * 1000)`;
