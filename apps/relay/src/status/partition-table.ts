import type { DeliveryObservation, PartitionObservation } from '@order-events/outbox';
import { durationText, type Html, html } from '@order-events/runtime';
import type { ObservationHistory, PartitionHistory } from './observation-history.ts';
import { count, rate } from './readable-figures.ts';
import { sparkline } from './sparkline.ts';

/** Checkpoints are stored once a second or so. */
const OLD_CHECKPOINT_SECONDS = 10;

interface Scale {
  readonly samples: number;
  readonly topPending: number;
  readonly topRate: number;
}

/** One row per partition of the topic. The plots of a column share one scale, so that they can be compared. */
export function partitionTable(
  observation: DeliveryObservation,
  history: ObservationHistory,
  { samples, intervalMs }: { samples: number; intervalMs: number },
): Html {
  const { partitions } = observation;
  if (partitions.length === 0) {
    return html`<h2>Partitions</h2>
      <p class="soft">No relay has seen the topic yet.</p>`;
  }
  const rows = partitions.map((one) => ({ one, past: history.partition(one.partition) }));
  const scale: Scale = {
    samples,
    topPending: Math.max(10, ...rows.flatMap(({ past }) => past.pendingEvents)),
    topRate: Math.max(1, ...rows.flatMap(({ past }) => past.recordsPerSecond)),
  };
  return html`<h2>
      Partitions <span>· plots: the last ${durationText((samples * intervalMs) / 1000)}</span>
    </h2>
    <div class="scroll">
      <table>
        <tr>
          <th class="number">#</th>
          <th>owner</th>
          <th class="number">epoch</th>
          <th>mode</th>
          <th class="number">checkpoint</th>
          <th class="number">oldest pending</th>
          <th class="number">backlog</th>
          <th></th>
          <th class="number">records/s</th>
          <th></th>
          <th class="number">parked keys</th>
        </tr>
        ${rows.map(({ one, past }) => partitionRow(one, past, scale))}
      </table>
    </div>`;
}

function partitionRow(one: PartitionObservation, past: PartitionHistory, scale: Scale): Html {
  const { samples } = scale;
  const perSecond = past.recordsPerSecond.at(-1) ?? 0;
  const late = one.mode === 'running' && one.checkpointAgeSeconds > OLD_CHECKPOINT_SECONDS;
  return html`<tr>
    <td class="number">${one.partition}</td>
    <td class="id">${ownerText(one)}</td>
    <td class="number">${count(one.epoch)}</td>
    <td class="${one.mode === 'running' ? '' : 'warn'}">${one.mode}${one.paging ? ', in pages' : ''}</td>
    <td class="number ${late ? 'bad' : ''}">${durationText(one.checkpointAgeSeconds)}</td>
    <td class="number">${one.pendingEvents > 0 ? durationText(one.oldestPendingAgeSeconds) : '–'}</td>
    <td class="number">${count(one.pendingEvents)}</td>
    <td class="plotted">
      ${sparkline({
        values: past.pendingEvents,
        top: scale.topPending,
        samples,
        label: `backlog of partition ${one.partition}`,
      })}
    </td>
    <td class="number">${rate(perSecond)}</td>
    <td class="plotted">
      ${sparkline({
        values: past.recordsPerSecond,
        top: scale.topRate,
        samples,
        label: `records a second of partition ${one.partition}`,
      })}
    </td>
    <td class="number ${one.parkedKeys > 0 ? 'warn' : ''}">${count(one.parkedKeys)}</td>
  </tr>`;
}

function ownerText(one: PartitionObservation): Html {
  if (one.owner === undefined) {
    return one.mode === 'running'
      ? html`<span class="bad">no owner</span>`
      : html`<span class="soft">–</span>`;
  }
  if (one.owned) return html`${one.owner}`;
  return html`${one.owner} <span class="bad">lease ran out</span>`;
}
