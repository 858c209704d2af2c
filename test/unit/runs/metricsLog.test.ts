import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RunEvent } from '../../../src/protocol/events';
import { readAllEvents } from '../../../src/runs/log';
import { MetricsLog } from '../../../src/runs/metricsLog';
import { canMount } from '../support/mounting';
import { until } from './support';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'metrics-'));
  path = join(folder, 'metrics.ndjson');
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const preparing = (what: string): RunEvent => ({ type: 'preparing', time: 1, what, share: null });
const stopped: RunEvent = { type: 'stopped', time: 2, step: 3 };

/** The event as stored in the log of attempt 2. */
const written = (event: RunEvent): RunEvent => ({ ...event, attempt: 2 });

describe('MetricsLog', () => {
  test('has every event on a line of its own, in order, whatever is in it', async () => {
    const events = [preparing('one\ntwo'), preparing('ümläut \u2028 "quoted"'), stopped];
    const log = await MetricsLog.open(path, { attempt: 2 });
    for (const event of events) log.append(event);
    log.close();
    expect(await readAllEvents(path)).toEqual({ events: events.map(written), skipped: 0 });
    expect((await readFile(path, 'utf8')).split('\n')).toHaveLength(4);
  });

  test('appends to an existing log', async () => {
    await appendFile(path, `${JSON.stringify(preparing('before'))}\n`);
    const log = await MetricsLog.open(path, { attempt: 2 });
    log.append(stopped);
    log.close();
    expect((await readAllEvents(path)).events).toEqual([preparing('before'), written(stopped)]);
  });

  test('writes many events together, without a request, and reports how far the log has grown', async () => {
    const sizes: number[] = [];
    const log = await MetricsLog.open(path, { attempt: 2, onAppended: (bytes) => sizes.push(bytes) });
    for (let index = 0; index < 50; index++) log.append(preparing(`${index}`));
    expect(sizes).toEqual([]);
    await until(() => sizes.length > 0);
    const size = (await readFile(path)).length;
    expect(sizes).toEqual([size]);
    expect((await readAllEvents(path)).events).toHaveLength(50);
    log.append(preparing('more'));
    log.flush();
    expect(sizes).toEqual([size, (await readFile(path)).length]);
    log.close();
  });

  test('writes a final event at once', async () => {
    const log = await MetricsLog.open(path, { attempt: 2 });
    log.append(preparing('waits'));
    log.append(stopped);
    expect((await readAllEvents(path)).events).toEqual([preparing('waits'), stopped].map(written));
    log.close();
  });

  test('truncates no log, and starts a new line after one that was cut', async () => {
    const line = (what: string) => `${JSON.stringify(preparing(what))}\n`;
    for (const cut of ['{"type":"st', 'x'.repeat(300_000)]) {
      await writeFile(path, `${line('whole')}${cut}`);
      const log = await MetricsLog.open(path, { attempt: 2 });
      log.append(stopped);
      log.close();
      expect(await readAllEvents(path)).toEqual({
        events: [preparing('whole'), written(stopped)],
        skipped: 1,
      });
      expect(await readFile(path, 'utf8')).toBe(
        `${line('whole')}${cut}\n${JSON.stringify(written(stopped))}\n`,
      );
    }
    await writeFile(path, '{"type":"st');
    (await MetricsLog.open(path, { attempt: 2 })).close();
    expect(await readFile(path, 'utf8')).toBe('{"type":"st');
  });

  test('checks before each write whether the run is still its own, and otherwise writes nothing', async () => {
    let isFenced = false;
    const beforeWrite = () => {
      if (isFenced) throw new Error('fenced');
    };
    const log = await MetricsLog.open(path, { attempt: 2, beforeWrite });
    log.append(preparing('own'));
    log.flush();
    log.append(preparing('late'));
    isFenced = true;
    expect(() => log.flush()).toThrow('fenced');
    expect(() => log.append(stopped)).toThrow('fenced');
    log.close();
    expect((await readAllEvents(path)).events).toEqual([written(preparing('own'))]);
  });

  test('throws the reason if the log cannot be opened', async () => {
    await expect(MetricsLog.open(join(folder, 'no', 'such', 'folder'), { attempt: 2 })).rejects.toThrow(
      'ENOENT',
    );
  });

  test.skipIf(!existsSync('/dev/full'))(
    'throws the reason if a write fails, at the next event at the latest',
    async () => {
      const log = await MetricsLog.open('/dev/full', { attempt: 2 });
      log.append(preparing('lost'));
      expect(() => log.flush()).toThrow(expect.objectContaining({ code: 'ENOSPC', path: '/dev/full' }));
      log.append(preparing('lost'));
      let error: unknown = null;
      await until(() => {
        try {
          log.append(preparing('lost'));
        } catch (thrown) {
          error = thrown;
        }
        return error !== null;
      });
      expect(error).toMatchObject({ code: 'ENOSPC' });
      expect(() => log.close()).toThrow('ENOSPC');
    },
  );

  test.skipIf(!canMount).each([
    [40, 40],
    [400, 70],
  ])('of %i events on a full disk, writes each of the first %i once', async (count, kept) => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder], { stdio: 'pipe' });
    const log = await MetricsLog.open(path, { attempt: 2 });
    try {
      const events = Array.from({ length: count }, (_, index) => preparing(`${index} ${'x'.repeat(100)}`));
      const filler = join(folder, 'filler');
      // Leaves one page, which takes some whole lines and a part of the next.
      await writeFile(filler, Buffer.alloc(60 * 1024));
      for (const event of events) log.append(event);
      expect(() => log.flush()).toThrow('ENOSPC');
      const taken = (await readAllEvents(path)).events.length;
      expect(taken).toBeGreaterThan(0);
      expect(taken).toBeLessThan(kept);
      expect(() => log.flush()).toThrow('ENOSPC');
      await rm(filler);
      log.append(stopped);
      const found = (await readAllEvents(path)).events;
      expect(found).toEqual([...events.slice(0, found.length - 1), stopped].map(written));
      expect(found.length - 1).toBeGreaterThanOrEqual(kept);
      expect((await stat(path)).size).toBeLessThan(16 * 1024);
    } finally {
      log.close();
      execFileSync('umount', ['-l', folder]);
    }
  });
});
