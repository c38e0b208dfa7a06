import { componentOf, type Container, type Manifest, nameOf, type Pod } from './manifest.ts';

/** What is wrong with the pods that the chart makes, and with what should stand beside each of them. */
export function workloadFaults(manifests: readonly Manifest[]): string[] {
  const workloads = manifests.filter(({ spec }) => spec?.template);
  if (workloads.length === 0) return ['the chart makes no pods'];
  return [
    ...workloads.flatMap((workload) => podFaults(workload).map((fault) => `${nameOf(workload)}: ${fault}`)),
    ...workloads
      .filter(({ kind }) => kind === 'Deployment')
      .flatMap((workload) => deploymentFaults(workload, manifests)),
    ...jobFaults(workloads),
  ];
}

function podFaults({ spec }: Manifest): string[] {
  const pod = spec?.template?.spec;
  if (!pod) return ['has no pod'];
  return [
    ...unless(pod.securityContext?.runAsNonRoot, 'may run as root'),
    ...unless(pod.securityContext?.seccompProfile?.type === 'RuntimeDefault', 'has no seccomp profile'),
    ...unless(pod.automountServiceAccountToken === false, 'is given a token for Kubernetes'),
    ...unless(pod.enableServiceLinks === false, 'is given variables named after services'),
    ...pod.containers.flatMap(containerFaults),
  ];
}

function containerFaults({ securityContext, resources }: Container): string[] {
  return [
    ...unless(securityContext?.readOnlyRootFilesystem, 'may write its root file system'),
    ...unless(securityContext?.allowPrivilegeEscalation === false, 'may gain privileges'),
    ...unless(securityContext?.capabilities?.drop?.includes('ALL'), 'keeps capabilities'),
    ...unless(resources?.limits?.memory, 'has no limit of memory'),
  ];
}

function deploymentFaults(deployment: Manifest, manifests: readonly Manifest[]): string[] {
  const pod = deployment.spec?.template?.spec;
  const [container] = pod?.containers ?? [];
  if (!pod || !container) return [`${nameOf(deployment)}: has no container`];
  const component = componentOf(deployment);
  const beside = (kind: string) =>
    manifests.some((other) => other.kind === kind && componentOf(other) === component);
  const isIsolated = manifests.some(({ kind }) => kind === 'NetworkPolicy');
  return [
    ...unless(container.startupProbe && container.livenessProbe && container.readinessProbe, 'lacks a probe'),
    ...unless(pod.topologySpreadConstraints?.length, 'is not spread'),
    ...unless(beside('PodDisruptionBudget'), 'has no disruption budget'),
    ...unless(!isIsolated || beside('NetworkPolicy'), 'has no network policy, others have'),
    ...graceFaults(pod, container),
  ].map((fault) => `${nameOf(deployment)}: ${fault}`);
}

/** A pod is killed at the end of its grace period, which begins before it is told to stop. */
function graceFaults(pod: Pod, { env, lifecycle }: Container): string[] {
  const stopMs = Number(env.find(({ name }) => name.endsWith('_STOP_DEADLINE_MS'))?.value);
  const neededSeconds = (lifecycle?.preStop?.sleep?.seconds ?? 0) + stopMs / 1000;
  const givenSeconds = pod.terminationGracePeriodSeconds ?? 0;
  return unless(
    givenSeconds > neededSeconds,
    `is killed after ${givenSeconds} s and needs ${neededSeconds} s to stop`,
  );
}

function jobFaults(workloads: readonly Manifest[]): string[] {
  const hooksOf = (component: string) =>
    workloads
      .find((workload) => componentOf(workload) === component)
      ?.metadata.annotations?.['helm.sh/hook']?.split(',') ?? [];
  return [
    ...['pre-install', 'pre-upgrade'].flatMap((hook) =>
      unless(hooksOf('migrate').includes(hook), `the migrate job is no ${hook} hook`),
    ),
    ...unless(hooksOf('topics').includes('pre-install'), 'the topics job is no pre-install hook'),
    ...unless(!hooksOf('topics').includes('pre-upgrade'), 'the topics job keeps an upgrade from a new API'),
  ];
}

function unless(holds: unknown, fault: string): string[] {
  return holds ? [] : [fault];
}
