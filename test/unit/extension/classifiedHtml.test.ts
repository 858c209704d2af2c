import { expect, test } from 'vitest';
import { classifiedHtml } from '../../../src/extension/views/classifiedHtml';
import type { Classified } from '../../../src/protocol/predictor';

const RESULTS: readonly Classified[] = [
  {
    ok: true,
    path: '/photos/a "cat".jpg',
    classes: [
      { class: '<cats> & co', probability: 0.987654 },
      { class: 'dogs', probability: 0.012346 },
    ],
  },
  { ok: false, path: '/photos/b.jpg', failure: { what: 'b.jpg is <empty>.', remedy: 'Choose another.' } },
];

const page = classifiedHtml({
  runName: 'pets <1>',
  results: RESULTS,
  imageUri: (path) => `https://images/${encodeURI(path)}`,
  cspSource: 'https://source',
  nonce: 'abc',
  language: 'en',
});

test('shows each image with its classes, as text and as bars', () => {
  expect(page).toContain('<h1>Predictions of pets &lt;1&gt;</h1>');
  expect(page).toContain('<img src="https://images//photos/a%20%22cat%22.jpg" alt="a &quot;cat&quot;.jpg">');
  expect(page).toMatch(/<th scope="row">&lt;cats&gt; &amp; co<\/th>/);
  expect(page).toContain('<rect class="share" width="98.7654%"');
  expect(page).toContain('<td class="percent">98.77%</td>');
  expect(page).toContain('<td class="percent">1.23%</td>');
});

test('says why an image could not be used', () => {
  expect(page).toContain('<p role="alert">b.jpg is &lt;empty&gt;. Choose another.</p>');
});

test('runs no script, and loads only its images', () => {
  const policy = "default-src 'none'; img-src https://source; style-src 'nonce-abc';";
  expect(page).toContain(`<meta http-equiv="Content-Security-Policy" content="${policy}">`);
  expect(page).toContain('<style nonce="abc">');
  expect(page).not.toMatch(/<script|style="|onload|onerror/);
});
