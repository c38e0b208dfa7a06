import type { DeliveryObservation, Finding } from '@order-events/outbox';
import { type AdminPage, durationText, type Html, html } from '@order-events/runtime';
import type { ObservationHistory } from './observation-history.ts';
import { pageAnswer } from './page-frame.ts';
import { partitionTable } from './partition-table.ts';
import { count, rate } from './readable-figures.ts';
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
  /** What somebody should look at, worst first. Commands stand in backquotes. */
  readonly findings: () => readonly Finding[];
}

/** How all relays are doing, as one of them sees it in the tables. Everything it shows is also in /metrics or the tables. */
export function createStatusPage(options: StatusPageOptions): AdminPage {
  return {
    path: '/status',
    title: 'partitions, owners, backlog, parked keys and what holds things up, for people',
    render() {
      const observation = options.history.latest();
      const main = observation
        ? html`${notes(options)} ${figures(options, observation)} ${relays(options, observation)}
          ${partitionTable(observation, options.history, options)} ${transactions(options, observation)}
          ${replays(observation)}`
        : notes(options);
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

/** What somebody should look at; nothing when all is well. */
function notes({ findings }: StatusPageOptions): Html {
  const found = findings().map(({ severity, text }) => {
    const parts = text.split('`').map((part, index) => (index % 2 === 0 ? part : html`<code>${part}</code>`));
    const halted = severity === 'halt' ? html`<b>Halted, nothing is published.</b>` : undefined;
    return html`<p class="note ${severity === 'notice' ? 'worth-a-look' : 'worst'}">${halted} ${parts}</p>`;
  });
  return html`${found}`;
}

function figures(options: StatusPageOptions, observation: DeliveryObservation): Html {
  const { history, samples } = options;
  const { pendingEvents, recordsPerSecond } = history.total();
  const plot = (values: readonly number[], floor: number, label: string) =>
    sparkline({ values, top: Math.max(floor, ...values), samples, label });
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
    ${figure('oldest pending', durationText(observation.oldestPendingAgeSeconds))}
    ${figure('relays', count(observation.relays.length))}
    ${figure('parked keys', count(observation.parkedKeys))}
    ${canary ? figure('canary', canaryText(canary)) : undefined}
  </dl>`;
}

function canaryText(canary: { lastSeconds: number | undefined; waitingSeconds: number }): Html {
  const last = canary.lastSeconds;
  if (last === undefined || canary.waitingSeconds > 5) {
    return html`<span class="warn">${durationText(canary.waitingSeconds)}</span> <small>waiting</small>`;
  }
  return last < 1 ? html`${count(last * 1000)} <small>ms</small>` : html`${durationText(last)}`;
}

const CUT_OFF = html`<span class="warn">does not reach Kafka</span>`;

function relays({ owner }: StatusPageOptions, { relays: alive }: DeliveryObservation): Html {
  const rows = alive.map(
    ({ id, partitions, heartbeatAgeSeconds, gaveWay }) =>
      html`<tr>
        <td class="id">${id}</td>
        <td class="number">${partitions}</td>
        <td class="number">${heartbeatAgeSeconds === undefined ? '–' : durationText(heartbeatAgeSeconds)}</td>
        <td class="soft">${id === owner ? 'this relay' : ''} ${gaveWay ? CUT_OFF : undefined}</td>
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

function transactions(options: StatusPageOptions, { openTransactions }: DeliveryObservation): Html {
  if (openTransactions.length === 0) {
    return html`<h2>Open write transactions</h2>
      <p class="soft">none</p>`;
  }
  const rows = openTransactions.map(
    (one) =>
      html`<tr>
        <td class="number ${one.ageSeconds * 1000 > options.oldTransactionMs ? 'warn' : ''}">
          ${durationText(one.ageSeconds)}
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

function replays({ replays: running }: DeliveryObservation): Html | undefined {
  if (running.length === 0) return undefined;
  const rows = running.map(
    (one) =>
      html`<tr>
        <td class="id">${one.replayId}</td>
        <td class="number">${durationText(one.ageSeconds)}</td>
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
