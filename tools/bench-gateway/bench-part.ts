import type * as bench from '../bench/bench-part.ts';
import type { BenchServers } from './bench-servers.ts';

export type BenchContext = bench.BenchContext<BenchServers>;
export type BenchPart = bench.BenchPart<BenchServers>;
