import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { ChartTools } from './chart-tools.ts';
import { type Manifest, nameOf } from './manifest.ts';

/** The oldest that the chart says it runs on, and the newest whose schemas there are. */
const KUBERNETES_VERSIONS = ['1.30', '1.37'];
const CRDS: Readonly<Record<string, string>> = {
  'monitoring.coreos.com/v1': 'prometheus-operator/monitoring.coreos.com/v1',
  'keda.sh/v1alpha1': 'keda/keda.sh/v1alpha1',
};

/** What the schemas of Kubernetes and of the operators say of the objects in a rendered file. */
export async function schemaFaults(
  tools: ChartTools,
  file: string,
  manifests: readonly Manifest[],
): Promise<string[]> {
  const faults = KUBERNETES_VERSIONS.map((version) => kubernetesFaults(tools, version, file));
  const custom = manifests.filter(({ apiVersion }) => apiVersion in CRDS);
  return [
    ...(await Promise.all(faults)),
    ...(await Promise.all(custom.map((one) => crdFaults(tools, one)))),
  ].flat();
}

async function kubernetesFaults(tools: ChartTools, version: string, file: string): Promise<string[]> {
  const args = ['-m', 'kubernetes_validate', '--strict', '--no-warn', '--quiet', '-k', version, file];
  try {
    await promisify(execFile)(tools.kubernetesValidate, args);
    return [];
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    return [`Kubernetes ${version}: ${`${stdout ?? ''}${stderr ?? ''}`.trim() || String(error)}`];
  }
}

async function crdFaults(tools: ChartTools, manifest: Manifest): Promise<string[]> {
  const folder = path.join(tools.crds, 'node_modules/@kubernetes-models', CRDS[manifest.apiVersion] ?? '');
  const module = path.join(folder, `${manifest.kind}.js`);
  if (!existsSync(module)) return [`${nameOf(manifest)}: ${manifest.apiVersion} has no such kind`];
  const { [manifest.kind]: Model }: Record<string, new (data: object) => { validate(): void }> = await import(
    module
  );
  if (!Model) return [`${nameOf(manifest)}: has no validator`];
  try {
    new Model(manifest).validate();
    return [];
  } catch (error) {
    return [`${nameOf(manifest)}: ${error instanceof Error ? error.message : String(error)}`];
  }
}
