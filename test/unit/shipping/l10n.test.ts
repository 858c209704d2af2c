import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { extractTexts } from '../../../scripts/lib/l10n.mjs';
import { root } from '../../../scripts/lib/processes.mjs';

test('the bundle in l10n/ has the texts of the sources: `npm run l10n` writes it anew', async () => {
  const bundle = JSON.parse(await readFile(join(root, 'l10n/bundle.l10n.json'), 'utf8'));
  expect(bundle, 'l10n/ is stale: run `npm run l10n`').toEqual(await extractTexts());
});
