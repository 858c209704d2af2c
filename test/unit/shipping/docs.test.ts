import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withTrickTable } from '../../../scripts/lib/docs.mjs';
import { ALL_TRICKS } from '../../../src/tricks/registry';

test('the table of tricks in README.md is what `npm run docs` writes', async () => {
  const readme = await readFile(join(__dirname, '../../../README.md'), 'utf8');
  expect(readme).toBe(withTrickTable(readme, ALL_TRICKS));
});
