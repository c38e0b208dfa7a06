import type { BenchServers } from '../bench-relay/bench-servers.ts';
import type * as bench from '../bench/bench-part.ts';

export type BenchContext = bench.BenchContext<BenchServers>;
export type BenchPart = bench.BenchPart<BenchServers>;
