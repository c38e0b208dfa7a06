import type { DemoReport } from './demo-recorder.ts';

export function printHeadline(text: string): void {
  console.log(`\n── ${text}`);
}

export function printTable(report: DemoReport): void {
  const { latencyMs } = report;
  const rows: [string, string][] = [
    ['changes accepted by REST', String(report.accepted)],
    ['events delivered by gRPC', String(report.delivered)],
    ['lost', String(report.lost)],
    ['duplicated', String(report.duplicated)],
    ['out of order', String(report.outOfOrder)],
    ['commit → subscriber p50', `${latencyMs.p50.toFixed(0)} ms`],
    ['commit → subscriber p99', `${latencyMs.p99.toFixed(0)} ms`],
    ['GET /orders polled', String(report.pollingGets)],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  printHeadline('Result (lost, duplicated and out of order: the worse of topic and stream)');
  for (const [name, value] of rows) console.log(`  ${name.padEnd(width)}  ${value.padStart(8)}`);
  console.log(report.held ? '\nEvery promise held.' : '\nA PROMISE WAS BROKEN.');
}
