import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { buildOpenApiDocument } from '../src/http/openapi.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

interface DocumentedHeader {
  readonly required?: boolean;
}

interface DocumentedAnswer {
  readonly headers?: Readonly<Record<string, DocumentedHeader>>;
  readonly content?: Readonly<Record<string, { readonly schema: { readonly $ref: string } }>>;
}

const document = buildOpenApiDocument();
const ajv = new Ajv2020({ strict: false, allErrors: true });
formats.default(ajv);
ajv.addSchema({ $id: 'api', components: { schemas: closed(document.components.schemas) } });
const validators = new Map<string, ValidateFunction>();

/**
 * Says what the document does not know about an answer: its status, its type, a member or a missing header. Undefined when it is
 * described, or when the document has no such operation and the answer says so.
 */
export function undocumented(method: string, path: string, answer: Answer): string | undefined {
  const operation = operationOf(method, path.split('?')[0] ?? '');
  if (operation === undefined) return undefined;
  const what = `${method} ${path} ${answer.status}`;
  const documented = operation[answer.status] as DocumentedAnswer | undefined;
  if (!documented) return `${what} is not documented: add it to openapi-operations.ts`;
  for (const [name, { required }] of Object.entries(documented.headers ?? {})) {
    if (required && !answer.headers.has(name)) return `${what} has no ${name}, which is documented`;
  }
  if (method === 'HEAD') return undefined;
  const type = answer.headers.get('content-type')?.split(';')[0];
  const reference = documented.content?.[type ?? '']?.schema.$ref;
  if (!documented.content) return type === undefined ? undefined : `${what} has a body of ${type}`;
  if (!reference) return `${what} has the type ${type}, which is not documented`;
  const validate = validatorOf(reference);
  return validate(answer.body) ? undefined : `${what}: ${ajv.errorsText(validate.errors)}`;
}

function operationOf(method: string, path: string): Readonly<Record<string, object>> | undefined {
  const name = method === 'HEAD' ? 'get' : method.toLowerCase();
  for (const [template, operations] of Object.entries(document.paths)) {
    const pattern = new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
    if (pattern.test(path)) return operations[name]?.responses;
  }
  return undefined;
}

function validatorOf(reference: string): ValidateFunction {
  const known = validators.get(reference) ?? ajv.compile({ $ref: `api${reference}` });
  validators.set(reference, known);
  return known;
}

/** Answers are open for readers to come; what the API answers today is all in the document. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const inner = Object.entries(schema).map(([name, value]) => [name, closed(value)]);
  return { ...Object.fromEntries(inner), ...('properties' in schema && { additionalProperties: false }) };
}
