import assert from 'node:assert/strict';
import { test } from 'node:test';
import { html } from './html.ts';

test('what is inserted is escaped, in text and in attributes', () => {
  const hostile = `"><script>alert('x')</script>&`;
  assert.equal(
    String(html`<a title="${hostile}">${hostile}</a>`),
    '<a title="&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;">&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;</a>',
  );
});

test('pieces are put together unchanged, and what is absent is nothing', () => {
  const cells = ['<', 1, 2n].map((cell) => html`<td>${cell}</td>`);
  assert.equal(String(html`${cells}${undefined}`), '<td>&lt;</td><td>1</td><td>2</td>');
});
