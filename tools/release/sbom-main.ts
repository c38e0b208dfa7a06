import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { buildSbom } from './sbom.ts';

const file = process.argv[2] ?? 'order-events.cdx.json';
const text = await buildSbom(path.resolve(import.meta.dirname, '../..'));
await writeFile(file, text);
console.log(`${file}: ${JSON.parse(text).components.length} components`);
