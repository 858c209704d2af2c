import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { BoundedLog } from '../../../src/commandTrainer/boundedLog';
import { formatBytes } from '../../../src/shared/format';
import { temporaryFolder } from '../runs/support';

/** A log that keeps 1000 bytes at each end, behind the output of an earlier attempt. */
async function openLog() {
  const path = join(await temporaryFolder(), 'trainer.log');
  await appendFile(path, 'earlier\n');
  const file = openSync(path, 'a');
  onTestFinished(() => closeSync(file));
  return {
    log: new BoundedLog(file, 1000),
    text: () => readFileSync(path, 'utf8'),
    size: () => statSync(path).size,
  };
}

const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `line ${from + index}\n`).join('');

describe('a bounded log', () => {
  test('has everything of a short output', async () => {
    const { log, text } = await openLog();
    log.write(Buffer.from(lines(0, 150)));
    log.note('a note');
    log.end();
    expect(text()).toBe(`earlier\n${lines(0, 150)}a note\n`);
  });

  test('has the start and the end of a long output, and says how much is missing', async () => {
    const { log, text, size } = await openLog();
    let written = 0;
    let largest = 0;
    for (let index = 0; index < 10_000; index++) {
      const bytes = Buffer.from(lines(index, index + 1));
      written += bytes.length;
      log.write(bytes);
      largest = Math.max(largest, size());
    }
    log.end();
    expect(largest).toBeLessThan(3200);
    const kept = text();
    expect(kept.length).toBeLessThan(2150);
    expect(kept.startsWith('earlier\nline 0\nline 1\n')).toBe(true);
    expect(kept.endsWith('line 9998\nline 9999\n')).toBe(true);
    const [before = '', notice = '', after = ''] = kept.split(/\n(\.\.\. .* \.\.\.)\n/);
    expect(notice).toContain(` ${formatBytes(written - 1000 - after.length)} `);
    expect(after).toMatch(/^line \d+\n/);
    expect(before.length - 'earlier\n'.length).toBe(1000);
  });

  test('is the same for one large write', async () => {
    const { log, text } = await openLog();
    log.write(Buffer.from(lines(0, 10_000)));
    log.end();
    expect(text().length).toBeLessThan(2150);
    expect(text().endsWith('line 9999\n')).toBe(true);
  });
});
