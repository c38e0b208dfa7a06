import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { alertRuleFaults } from './alert-rules.ts';
import type { Manifest } from './manifest.ts';
import { settingsFaults } from './settings-rules.ts';
import { workloadFaults } from './workload-rules.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

const POD = (container: string) => `
      enableServiceLinks: false
      automountServiceAccountToken: false
      securityContext: { runAsNonRoot: true, seccompProfile: { type: RuntimeDefault } }
      terminationGracePeriodSeconds: 20
      topologySpreadConstraints: [{ maxSkew: 1 }]
      containers:
        - name: ${container}
          image: order-events
          volumeMounts: [{ name: database, mountPath: /etc/database }]
          resources: { limits: { memory: 1Gi } }
          securityContext:
            { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } }
          startupProbe: {}
          livenessProbe: {}
          readinessProbe: {}`;
const JOB = (name: string, hooks: string) => `
---
apiVersion: batch/v1
kind: Job
metadata: { name: ${name}, annotations: { helm.sh/hook: '${hooks}' } }
spec:
  template:
    metadata: { labels: { app.kubernetes.io/component: ${name} } }
    spec: ${POD(name)}
          env: []`;
const GOOD = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: api }
spec:
  template:
    metadata: { labels: { app.kubernetes.io/component: api } }
    spec: ${POD('api')}
          lifecycle: { preStop: { sleep: { seconds: 5 } } }
          env:
            - { name: NODE_ENV, value: production }
            - { name: ACCESS_CONTROL, value: open-to-everybody }
            - { name: DATABASE_URL, valueFrom: { secretKeyRef: { name: database, key: url } } }
            - { name: API_STOP_DEADLINE_MS, value: '10000' }
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: api }
spec: { selector: { matchLabels: { app.kubernetes.io/component: api } } }
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: api }
spec: { podSelector: { matchLabels: { app.kubernetes.io/component: api } }, egress: [{ ports: [{ port: 5432 }] }] }
${JOB('migrate', 'pre-install,pre-upgrade')}
${JOB('topics', 'pre-install,post-upgrade')}`;

function faultsOf(yaml: string): string[] {
  const manifests = parseAllDocuments(yaml).map((document): Manifest => document.toJS());
  return [...workloadFaults(manifests), ...settingsFaults(manifests)];
}

test('what is right is let through', () => {
  assert.deepEqual(faultsOf(GOOD), []);
});

for (const [right, wrong, fault] of [
  ['runAsNonRoot: true', 'runAsNonRoot: false', /may run as root/],
  ['RuntimeDefault', 'Unconfined', /has no seccomp profile/],
  ['automountServiceAccountToken: false', 'automountServiceAccountToken: true', /given a token/],
  ['enableServiceLinks: false', 'enableServiceLinks: true', /variables named after services/],
  ['readOnlyRootFilesystem: true', 'readOnlyRootFilesystem: false', /may write its root/],
  ['allowPrivilegeEscalation: false', 'allowPrivilegeEscalation: true', /may gain privileges/],
  ['drop: [ALL]', 'drop: []', /keeps capabilities/],
  ['limits: { memory: 1Gi }', 'limits: {}', /has no limit of memory/],
  ['livenessProbe: {}', '', /lacks a probe/],
  ['topologySpreadConstraints: [{ maxSkew: 1 }]', '', /is not spread/],
  [
    'terminationGracePeriodSeconds: 20',
    'terminationGracePeriodSeconds: 15',
    /killed after 15 s and needs 15 s/,
  ],
  ['kind: PodDisruptionBudget', 'kind: Other', /has no disruption budget/],
  ['podSelector: { matchLabels: { app', 'podSelector: { matchLabels: { of', /has no network policy/],
  ['pre-install,pre-upgrade', 'pre-install', /the migrate job is no pre-upgrade hook/],
  ['pre-install,post-upgrade', 'pre-upgrade', /no pre-install hook[^]*keeps an upgrade from a new API/],
  ['API_STOP_DEADLINE_MS', 'API_STOP_DEADLIN_MS', /API_STOP_DEADLIN_MS/],
  ["value: '10000'", "value: '10'", /API_STOP_DEADLINE_MS = "10"/],
  [
    'valueFrom: { secretKeyRef: { name: database, key: url } }',
    'value: postgres://db/orders',
    /must come from a secret/,
  ],
  [
    '- { name: NODE_ENV',
    '- { name: KAFKA_BROKERS, value: "kafka:9092" }\n            - { name: NODE_ENV',
    /given KAFKA_BROKERS/,
  ],
  [
    '- { name: NODE_ENV',
    '- { name: GATEWAY_PORT, value: "1" }\n            - { name: NODE_ENV',
    /GATEWAY_PORT is given to a process that does not know it/,
  ],
  ['port: 5432', 'port: 9093', /may reach port 9093/],
  ['kind: Deployment', 'kind: Deployment\n# no pods', undefined],
] as const) {
  test(`${wrong || `no ${right}`}: ${fault ? 'is found' : 'is no fault'}`, () => {
    assert.ok(GOOD.includes(right));
    const faults = faultsOf(GOOD.replace(right, wrong)).join('\n');
    if (fault) assert.match(faults, fault);
    else assert.equal(faults, '');
  });
}

test('a chart without pods is a fault, not a success', () => {
  assert.deepEqual(workloadFaults([]), ['the chart makes no pods']);
});

test('alert rules that differ from those of ops are found, another address of the runbook is none', () => {
  const groups = ['api', 'gateway', 'relay'].flatMap(
    (name) => parse(readFileSync(path.join(ROOT, `ops/prometheus/${name}-alerts.yaml`), 'utf8')).groups,
  );
  const faults = (text: string) =>
    alertRuleFaults(
      [
        {
          apiVersion: 'v1',
          kind: 'PrometheusRule',
          metadata: { name: 'rules' },
          spec: { groups: JSON.parse(text) },
        },
      ],
      ROOT,
    );
  const text = JSON.stringify(groups);
  assert.deepEqual(faults(text), []);
  assert.deepEqual(faults(text.replaceAll('docs/runbook.md', 'https://example.com/runbook')), []);
  assert.equal(faults(text.replace('for":"1m"', 'for":"9m"')).length, 1);
  assert.equal(faults('[]').length, 1);
});
