import type { OpenApiOperation } from './openapi-operations.ts';
import type { OpenApiDocument } from './openapi.ts';

/** The API's reference as one plain page: no script, nothing fetched from elsewhere. */
export function apiReferencePage(document: OpenApiDocument): string {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => operationSection(method, path, operation)),
  );
  const schemas = Object.entries(document.components.schemas).map(
    ([name, schema]) =>
      `<h3 id="${name}">${name}</h3><pre>${escapeHtml(JSON.stringify(schema, null, 2))}</pre>`,
  );
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${document.info.title} API</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}code,pre{background:#f3f3f3;padding:.1rem .3rem}pre{padding:1rem;overflow:auto}</style>
</head><body><h1>${document.info.title} ${document.info.version}</h1><p>${escapeHtml(document.info.description)}</p>
<p><a href="/openapi.json">OpenAPI 3.1</a></p>${operations.join('')}<h2>Schemas</h2>${schemas.join('')}</body></html>`;
}

function operationSection(method: string, path: string, operation: OpenApiOperation): string {
  const answers = Object.entries(operation.responses).map(
    ([status, response]) =>
      `<li><code>${status}</code> ${escapeHtml('description' in response ? String(response.description) : '')}</li>`,
  );
  return `<h2><code>${method.toUpperCase()} ${escapeHtml(path)}</code></h2><p>${escapeHtml(operation.summary)}</p><ul>${answers.join('')}</ul>`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
