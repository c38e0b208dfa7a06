/** Text that is HTML already. Made by the tag `html` alone, so that nothing gets into a page unescaped. */
export class Html {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

type Insertion = Html | string | number | bigint | undefined | readonly Insertion[];

/** Template tag: what is inserted is escaped, for text and for quoted attributes, unless it is Html; lists are joined. */
export function html(strings: TemplateStringsArray, ...insertions: readonly Insertion[]): Html {
  const parts = strings.raw.map((text, index) => text + insertionText(insertions[index]));
  return new Html(parts.join(''));
}

function insertionText(insertion: Insertion): string {
  if (insertion === undefined) return '';
  if (insertion instanceof Html) return insertion.toString();
  if (typeof insertion === 'object') return insertion.map(insertionText).join('');
  return escaped(String(insertion));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
