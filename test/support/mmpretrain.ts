/** Shared code of the tests of MMPretrain configs. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { applyEdits } from '../../src/experiment/text/textEdits';
import type { ReadText } from '../../src/interop/import/adapter';
import { NO_FILES, readForeign } from '../../src/interop/import/adapters';
import { COMPUTED, type Settings } from '../../src/tricks/elsewhere/mapping';
import { fitsOf } from './foreignFiles';
import { MMPRETRAIN_FILES } from './mmpretrainConfigs';

export function fitOf(text: string, fileName: string, name: string, readText: ReadText = NO_FILES) {
  const fit = fitsOf(text, fileName, readText).fits.find(({ trick }) => trick.name === name);
  if (!fit) throw new Error(`${name} has no lens`);
  return fit;
}

/** Returns the text after a click on a trick's lens, or the reason if the click is refused. */
export function clicked(text: string, fileName: string, name: string, readText: ReadText = NO_FILES): string {
  const result = fitOf(text, fileName, name, readText).toggle();
  return result.ok ? applyEdits(text, result.edits) : result.reason;
}

export function settingsOf(text: string, fileName: string, readText: ReadText = NO_FILES): Settings {
  const found = readForeign(text, fileName, readText);
  if (found?.adapter.system !== 'MMPretrain' || 'unread' in found.file)
    throw new Error(`${fileName} is not understood`);
  return found.file.settings;
}

export interface Edited {
  readonly path: string;
  readonly text: string;
  /** Describes the click in words. */
  readonly what: string;
}

/** Loads configs in Python, each next to the files of the workspace. Null if this Python cannot load them. */
export function loaded(
  python: string,
  reader: 'mmengine' | 'python',
  configs: readonly Edited[],
): readonly Readonly<Record<string, unknown>>[] | null {
  const root = mkdtempSync(join(tmpdir(), 'configs-'));
  try {
    const write = (path: string, text: string) => {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    };
    for (const [path, text] of Object.entries(MMPRETRAIN_FILES)) write(path, text);
    const paths = configs.map(({ path, text }, index) => {
      const place = path.replace(/\.py$/, `__${index}.py`);
      write(place, text);
      return join(root, place);
    });
    const script = resolve('test/support/loadConfigs.py');
    const { status, stdout } = spawnSync(python, [script, reader, ...paths], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    return status === 0 ? JSON.parse(stdout) : null;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/**
 * Returns the differences between a config as the reader parses it and as Python loads it. A value that the reader
 * reports as unknown does not count as a difference.
 */
export function disagreements(settings: Settings, python: Readonly<Record<string, unknown>>): string[] {
  if ('error' in python) return [`it cannot be loaded: ${python.error}`];
  const other = new Map(flat(python));
  const isUnknown = (setting: string) =>
    setting
      .split('.')
      .some((_, index, parts) => settings.get(parts.slice(0, index + 1).join('.')) === COMPUTED) ||
    (settings.absentBecause?.(setting) ?? null) !== null;
  const wrong = [...settings].flatMap(([setting, value]) => {
    const found = JSON.stringify(other.get(setting));
    return value === COMPUTED || JSON.stringify(value) === found
      ? []
      : [`${setting} is ${found}, read as ${JSON.stringify(value)}`];
  });
  const missing = [...other].flatMap(([setting, value]) =>
    settings.has(setting) || isUnknown(setting)
      ? []
      : [`${setting} is ${JSON.stringify(value)}, and was not read`],
  );
  return [...wrong, ...missing];
}

function flat(value: unknown, above = ''): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[above, bare(value)]];
  return Object.entries(value).flatMap(([key, child]) => {
    const part = /^[\w-]*$/.test(key) ? key : JSON.stringify(key);
    return flat(child, above === '' ? part : `${above}.${part}`);
  });
}

/** MMEngine prefixes class names with their modules. */
function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, bare(child)]));
  }
  const [, package_, name] = /^(mmpretrain|mmengine|torch)\.(?:\w+\.)*(\w+)$/.exec(String(value)) ?? [];
  return name === undefined ? value : package_ === 'mmpretrain' ? `mmpretrain.${name}` : name;
}
