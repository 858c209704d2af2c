import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Windows, whyNoWine } from './wine';

const EXPERIMENT = `name: small
data: { dataset: fashion-mnist-sample, batch_size: 128 }
model: { name: resnet8, width: 2 }
optimizer: { base_lr: 0.1 }
schedule: { epochs: 2 }
`;

/** Opens every file of a run again and again, for 300 ms each, until `stop.txt` exists. */
const READER = `
const { closeSync, existsSync, openSync, readdirSync } = require('node:fs');
const { join } = require('node:path');
const runs = '.bag-of-tricks/runs';
let opened = 0;
setInterval(() => {
  if (existsSync('stop.txt')) { console.log(opened); process.exit(); }
  if (!existsSync(runs)) return;
  for (const name of readdirSync(runs, { recursive: true })) {
    if (!/run\\.json$|\\.safetensors$/.test(name)) continue;
    try {
      const file = openSync(join(runs, name));
      opened++;
      setTimeout(() => closeSync(file), 300);
    } catch {}
  }
}, 600);
`;

describe.skipIf(whyNoWine)(`as a program of Windows${whyNoWine ? ` (skipped: ${whyNoWine})` : ''}`, () => {
  let prefix: string;
  let windows: Windows;
  let run: string;
  beforeAll(() => {
    prefix = mkdtempSync(join(tmpdir(), 'wine-'));
    windows = new Windows(prefix);
    writeFileSync(join(windows.work, 'small.experiment.yaml'), EXPERIMENT);
    writeFileSync(join(windows.work, 'reader.js'), READER);
  }, 60_000);
  afterAll(() => rmSync(prefix, { recursive: true, force: true, maxRetries: 5 }));

  const manifest = () =>
    JSON.parse(readFileSync(join(windows.work, '.bag-of-tricks/runs', run, 'run.json'), 'utf8'));

  test('a run trains to its end while a reader keeps its files open', async () => {
    const reader = windows.start('reader.js');
    const trained = await windows.tricks('run', 'C:/WORK/SMALL.experiment.yaml', '--engine', 'wasm');
    writeFileSync(join(windows.work, 'stop.txt'), '');
    expect(trained).toMatchObject({ code: 0 });
    expect(Number((await reader.ended).stdout)).toBeGreaterThan(0);
    [run = ''] = readdirSync(join(windows.work, '.bag-of-tricks/runs'));
    expect(manifest().state.status).toBe('done');
  });

  test('its experiment has the name as its folder spells it, however it was typed', () => {
    expect(manifest().experiment.file).toBe('small.experiment.yaml');
  });

  test('a run that a second process stopped resumes, though its log ends within a line', async () => {
    const longer = ['--set', 'schedule.epochs=100000', '--engine', 'wasm'];
    const training = windows.start('C:\\tricks\\dist\\tricks.js', 'run', 'small.experiment.yaml', ...longer);
    const runs = join(windows.work, '.bag-of-tricks/runs');
    const log = () =>
      readdirSync(runs)
        .filter((id) => id !== run)
        .map((id) => join(runs, id, 'metrics.ndjson'))[0];
    await expect
      .poll(() => existsSync(log() ?? '') && readFileSync(log() as string, 'utf8'))
      .toContain('"epoch"');
    expect(await windows.tricks('pause', 'last')).toMatchObject({ code: 0 });
    await training.ended;
    appendFileSync(log() as string, '{"type":"step","ti');
    const resuming = windows.start('C:\\tricks\\dist\\tricks.js', 'resume', 'last');
    const before = readFileSync(log() as string, 'utf8').length;
    await expect.poll(() => readFileSync(log() as string, 'utf8').slice(before)).toContain('"epoch"');
    expect(await windows.tricks('stop', 'last')).toMatchObject({ code: 0 });
    await resuming.ended;
    const lines = readFileSync(log() as string, 'utf8')
      .trimEnd()
      .split('\n');
    expect(
      lines
        .flatMap((line) => {
          try {
            return [JSON.parse(line).type];
          } catch {
            return ['cut'];
          }
        })
        .at(-1),
    ).toBe('stopped');
  });
});
