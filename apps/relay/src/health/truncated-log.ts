/** What the log says when a partition is taken over whose log is shorter than what is known of it. */
export const TRUNCATED =
  'the log ends before the stored offset: it was truncated, or the topic was created anew; events published before are not ' +
  'published again unless `outboxctl replay --since <time>` asks for it';
