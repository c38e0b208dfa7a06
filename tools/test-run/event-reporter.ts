import type { TestEvent } from 'node:test/reporters';

/** What the process of a test file tells the runner. */
export interface TestNews {
  /** `noted` is a figure that a test wants to be seen; its text stands in `name`. */
  readonly what: 'began' | 'passed' | 'failed' | 'skipped' | 'noted';
  readonly name: string;
}

/** What node:test itself notes at the end of a file. */
const OWN_SUMMARY = /^(?:tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

/** A reporter of node:test that writes nothing: it hands the news on to the runner that started this process. */
export default async function* reportToRunner(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    const news = newsOf(event);
    if (news) process.send?.(news);
  }
}

function newsOf(event: TestEvent): TestNews | undefined {
  switch (event.type) {
    case 'test:dequeue':
      return { what: 'began', name: event.data.name };
    case 'test:diagnostic':
      return OWN_SUMMARY.test(event.data.message) ? undefined : { what: 'noted', name: event.data.message };
    case 'test:pass':
    case 'test:fail': {
      const { name, details, skip, todo } = event.data;
      if (details.type === 'suite') return undefined;
      if (skip !== undefined || todo !== undefined) return { what: 'skipped', name };
      return { what: event.type === 'test:pass' ? 'passed' : 'failed', name };
    }
    default:
      return undefined;
  }
}
