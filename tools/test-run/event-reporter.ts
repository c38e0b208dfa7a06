import type { TestEvent } from 'node:test/reporters';

/** What the process of a test file tells the runner; `ended` tells it of a suite, which is no test itself. */
export interface TestNews {
  /** `noted` is a figure that a test wants to be seen; its text stands in `name`. */
  readonly what: 'began' | 'passed' | 'failed' | 'skipped' | 'ended' | 'noted';
  readonly name: string;
  /** What a failed test says, shortened: the end of a run tells it, where nobody keeps more than that. */
  readonly message?: string | undefined;
}

const MESSAGE_LINES = 12;
const MESSAGE_CHARACTERS = 800;

/** What node:test itself notes at the end of a file. */
const OWN_SUMMARY = /^(?:tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

/** A reporter of node:test that writes nothing: it hands the news on to the runner that started this process. */
export default async function* reportToRunner(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    const news = newsOf(event);
    if (news) process.send?.(news);
  }
  yield '';
}

function newsOf({ type, data }: TestEvent): TestNews | undefined {
  if (type === 'test:dequeue') return data.type === 'suite' ? undefined : { what: 'began', name: data.name };
  if (type === 'test:diagnostic') {
    return OWN_SUMMARY.test(data.message) ? undefined : { what: 'noted', name: data.message };
  }
  if (type !== 'test:pass' && type !== 'test:fail') return undefined;
  const { name, details, skip, todo } = data;
  // Node takes a suite that waits behind a test for a test when it begins.
  if (details.type === 'suite') return { what: 'ended', name };
  if (skip !== undefined || todo !== undefined) return { what: 'skipped', name };
  if (!('error' in details)) return { what: 'passed', name };
  return { what: 'failed', name, message: messageOf(details.error) };
}

function messageOf({ message, cause }: Error): string | undefined {
  // That a part has failed is told by the part.
  if (/^\d+ subtests? failed$/.test(message)) return undefined;
  const text = cause instanceof Error ? cause.message : message;
  return text.split('\n').slice(0, MESSAGE_LINES).join('\n').slice(0, MESSAGE_CHARACTERS);
}
