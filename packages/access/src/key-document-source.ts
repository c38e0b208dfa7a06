import { readFile } from 'node:fs/promises';

/** Reads the text of a key set, wherever it is. */
export type KeyDocumentSource = (signal: AbortSignal) => Promise<string>;

const MAX_BYTES = 1_000_000;

/** A key set that a server shows. It is not looked for where the server may send us: the setting says whom we trust. */
export function keysOfUrl(url: string): KeyDocumentSource {
  return async (signal) => {
    const headers = { accept: 'application/jwk-set+json, application/json' };
    const response = await fetch(url, { signal, headers, redirect: 'error' });
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`the server answered ${response.status}`);
    }
    return boundedText(response);
  };
}

export function keysOfFile(file: string): KeyDocumentSource {
  return (signal) => readFile(file, { encoding: 'utf8', signal });
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    // Leaving the loop cancels the rest.
    if (bytes > MAX_BYTES) throw new Error(`the key set is larger than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
