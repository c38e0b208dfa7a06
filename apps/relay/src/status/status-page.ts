import { type AdminPage, type Html, html } from '@order-events/runtime';
import type { BacklogObservation } from '../outbox/backlog-observation.ts';
import type { ObservationHistory } from './observation-history.ts';
import { pageAnswer } from './page-frame.ts';
import { partitionTable } from './partition-table.ts';
import { count, duration, rate } from './readable-figures.ts';
import { sparkline } from './sparkline.ts';

export interface StatusPageOptions {
  /** This relay's name, as in `relay_partition.owner`. */
  readonly owner: string;
  readonly version: string;
  readonly history: ObservationHistory;
  /** Samples that the history keeps, and their distance: the width of the plots. */
  readonly samples: number;
  readonly intervalMs: number;
  readonly oldTransactionMs: number;
  /** Seconds from an insert to its record; undefined while no canary runs. */
  readonly canary: () => { lastSeconds: number | undefined; waitingSeconds: number } | undefined;
  /** Why nothing is published; undefined when all is well. Commands stand in backquotes. */
  readonly haltReason: () => string | undefined;
}

/** So many missing measurements say that the database is away. */
const STALE_MEASUREMENTS = 3;

/** How all relays are doing, as one of them sees it in the tables. Everything it shows is also in /metrics or the tables. */
export function createStatusPage(options: StatusPageOptions): AdminPage {
  return {
    path: '/status',
    title: 'partitions, owners, backlog, parked keys and what holds things up, for people',
    render() {
      const observation = options.history.latest();
      const main = observation
        ? html`${notes(options, observation)} ${figures(options, observation)} ${relays(options, observation)}
          ${partitionTable(observation, options.history, options)} ${transactions(options, observation)}
          ${replays(observation)}`
        : html`${haltNotes(options)}
            <p class="soft">The database has not been measured yet.</p>`;
      return pageAnswer('Relay status', heading(options), main);
    },
  };
}

function heading({ owner, version }: StatusPageOptions): Html {
  return html`<header>
    <h1>Relay</h1>
    <span class="soft"><span class="id">${owner}</span> · ${version}</span>
    <span class="lost bad">does not answer; what follows is old</span>
    <nav>
      <a href="/metrics">metrics</a> <a href="/readyz?verbose">readiness</a> <a href="/config">config</a>
    </nav>
  </header>`;
}

function haltNotes({ haltReason }: StatusPageOptions): Html[] {
  const reason = haltReason();
  if (reason === undefined) return [];
  const parts = reason.split('`').map((text, index) => (index % 2 === 0 ? text : html`<code>${text}</code>`));
  return [html`<p class="note worst"><b>Halted, nothing is published.</b> ${parts}</p>`];
}

/** What somebody should look at, worst first; nothing when all is well. */
function notes(options: StatusPageOptions, observation: BacklogObservation): Html[] {
  const found = haltNotes(options);
  const { partitions } = observation;
  const staleMs = performance.now() - observation.measuredAtMs;
  if (staleMs > STALE_MEASUREMENTS * options.intervalMs) {
    found.push(
      note(
        'worst',
        `The database was last measured ${duration(staleMs / 1000)} ago.`,
        'All figures are old.',
      ),
    );
  }
  const unowned = partitions.filter((one) => one.mode === 'running' && !one.owned);
  if (unowned.length > 0) {
    found.push(note('worst', `${unowned.length} of ${partitions.length} partitions have no owner.`));
  }
  const parked = partitions.filter((one) => one.parkedEvents > 0);
  if (parked.length > 0) {
    found.push(
      note('worth-a-look', 'Events are parked.', 'What Kafka said, and what to do about it:', PARKED),
    );
  }
  const [oldest] = observation.openTransactions;
  if (oldest && oldest.ageSeconds * 1000 > options.oldTransactionMs) {
    const what = `A transaction that has written is open for ${duration(oldest.ageSeconds)}.`;
    found.push(
      note('worth-a-look', what, 'It delays its own events, and the dropping of old outbox partitions.'),
    );
  }
  return found;
}

const PARKED = 'outboxctl parked list';

function note(kind: 'worth-a-look' | 'worst', what: string, more?: string, command?: string): Html {
  return html`<p class="note ${kind}"><b>${what}</b> ${more} ${command && html`<code>${command}</code>`}</p>`;
}

function figures(options: StatusPageOptions, observation: BacklogObservation): Html {
  const { history, samples } = options;
  const { pendingEvents, recordsPerSecond } = history.total();
  const plot = (values: readonly number[], floor: number, label: string) =>
    sparkline({ values, top: Math.max(floor, ...values), samples, label });
  const parkedKeys = observation.partitions.reduce((sum, one) => sum + one.parkedKeys, 0);
  const canary = options.canary();
  const figure = (name: string, value: Html | string, extra?: Html) =>
    html`<div>
      <dt>${name}</dt>
      <dd>${value} ${extra}</dd>
    </div>`;
  return html`<dl class="figures">
    ${figure(
      'backlog',
      `${observation.estimated ? '≈ ' : ''}${count(observation.pendingEvents)}`,
      plot(pendingEvents, 10, `backlog, at most ${count(Math.max(0, ...pendingEvents))}`),
    )}
    ${figure(
      'records',
      html`${rate(recordsPerSecond.at(-1) ?? 0)} <small>/s</small>`,
      plot(recordsPerSecond, 1, `records a second, at most ${rate(Math.max(0, ...recordsPerSecond))}`),
    )}
    ${figure('oldest pending', duration(observation.oldestPendingAgeSeconds))}
    ${figure('relays', count(observation.relays.length))} ${figure('parked keys', count(parkedKeys))}
    ${canary ? figure('canary', canaryText(canary)) : undefined}
  </dl>`;
}

function canaryText(canary: { lastSeconds: number | undefined; waitingSeconds: number }): Html {
  const last = canary.lastSeconds;
  if (last === undefined || canary.waitingSeconds > 5) {
    return html`<span class="warn">${duration(canary.waitingSeconds)}</span> <small>waiting</small>`;
  }
  return last < 1 ? html`${count(last * 1000)} <small>ms</small>` : html`${duration(last)}`;
}

function relays({ owner }: StatusPageOptions, { relays: alive }: BacklogObservation): Html {
  const rows = alive.map(
    ({ id, partitions, heartbeatAgeSeconds }) =>
      html`<tr>
        <td class="id">${id}</td>
        <td class="number">${partitions}</td>
        <td class="number">${heartbeatAgeSeconds === undefined ? '–' : duration(heartbeatAgeSeconds)}</td>
        <td class="soft">${id === owner ? 'this relay' : ''}</td>
      </tr>`,
  );
  return html`<h2>Relays</h2>
    <div class="scroll">
      <table>
        <tr>
          <th>relay</th>
          <th class="number">partitions</th>
          <th class="number">heartbeat</th>
          <th></th>
        </tr>
        ${
          rows.length > 0
            ? rows
            : html`<tr>
                <td colspan="4" class="bad">none is alive</td>
              </tr>`
        }
      </table>
    </div>`;
}

function transactions(options: StatusPageOptions, { openTransactions }: BacklogObservation): Html {
  if (openTransactions.length === 0) {
    return html`<h2>Open write transactions</h2>
      <p class="soft">none</p>`;
  }
  const rows = openTransactions.map(
    (one) =>
      html`<tr>
        <td class="number ${one.ageSeconds * 1000 > options.oldTransactionMs ? 'warn' : ''}">
          ${duration(one.ageSeconds)}
        </td>
        <td>${one.applicationName || '–'}</td>
        <td>${one.user}</td>
        <td>${one.database}</td>
        <td class="number">${one.pid ?? '–'}</td>
        <td>${one.state}</td>
        <td class="id">${one.queryId ?? '–'}</td>
      </tr>`,
  );
  return html`<h2>Open write transactions, oldest first</h2>
    <div class="scroll">
      <table>
        <tr>
          <th class="number">open for</th>
          <th>application</th>
          <th>user</th>
          <th>database</th>
          <th class="number">pid</th>
          <th>state</th>
          <th>query id</th>
        </tr>
        ${rows}
      </table>
    </div>`;
}

function replays({ replays: running }: BacklogObservation): Html | undefined {
  if (running.length === 0) return undefined;
  const rows = running.map(
    (one) =>
      html`<tr>
        <td class="id">${one.replayId}</td>
        <td class="number">${duration(one.ageSeconds)}</td>
        <td class="number">${count(one.publishedEvents)}</td>
        <td class="number">${one.unfinishedPartitions}</td>
      </tr>`,
  );
  return html`<h2>Replays</h2>
    <div class="scroll">
      <table>
        <tr>
          <th>replay</th>
          <th class="number">asked for</th>
          <th class="number">published</th>
          <th class="number">partitions to go</th>
        </tr>
        ${rows}
      </table>
    </div>`;
}
