import { type Link, TraceFlags } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace';
import type { SamplerName } from './tracing-config.ts';

/** By the names of OTEL_TRACES_SAMPLER. */
export function createSampler(name: SamplerName, share = 1): Sampler {
  switch (name) {
    case 'always_on':
      return new AlwaysOnSampler();
    case 'always_off':
      return new AlwaysOffSampler();
    case 'traceidratio':
      return new TraceIdRatioBasedSampler(share);
    case 'parentbased_always_on':
      return parentBased(new AlwaysOnSampler());
    case 'parentbased_always_off':
      return parentBased(new AlwaysOffSampler());
    case 'parentbased_traceidratio':
      return parentBased(new TraceIdRatioBasedSampler(share));
  }
}

/**
 * A span that begins a trace and links to a recorded one is recorded: it is about an event whose trace would end there otherwise. Only
 * then is the sampler of new traces asked.
 */
function parentBased(root: Sampler): Sampler {
  return new ParentBasedSampler({
    root: {
      shouldSample: (context, traceId, name, kind, attributes, links) =>
        links.some(isRecorded)
          ? { decision: SamplingDecision.RECORD_AND_SAMPLED }
          : root.shouldSample(context, traceId, name, kind, attributes, links),
      toString: () => `Linked{${root.toString()}}`,
    },
  });
}

function isRecorded({ context }: Link): boolean {
  return (context.traceFlags & TraceFlags.SAMPLED) !== 0;
}
