// @ts-check
// Writes README's picture, media/editor.png, from a screenshot of the UI tests (`npx vitest run --project ui test/ui/run.test.ts`).
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { root } from './lib/processes.mjs';

const picture = join(root, 'media/editor.png');
await sharp(join(root, 'test/artifacts/done-light.png'))
  .png({ palette: true, quality: 90, effort: 10 })
  .toFile(picture);
console.log(`Wrote ${picture}, ${Math.ceil((await stat(picture)).size / 1024)} KiB`);
