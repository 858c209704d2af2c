import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path/posix';
import { describe, expect, test } from 'vitest';
import { circlesOf, type Tree, wallProblems } from './walls';

const ROOT = join(__dirname, '../../..');
const MOST_FILES = 20;

const paths = ['src', 'webview'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => join(folder, path)),
);
const house: Tree = new Map(paths.map((path) => [path, readFileSync(join(ROOT, path), 'utf8')]));
const architecture = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8');

/** Returns the house with a line added to one of its files. */
function with_(path: string, line: string): Tree {
  const text = house.get(path);
  if (text === undefined) throw new Error(`There is no ${path}`);
  return new Map(house).set(path, `${line}\n${text}`);
}

test('no import crosses a wall', () => {
  expect(wallProblems(house)).toEqual([]);
});

describe('only one file', () => {
  /** Returns the files that use a module directly, other than its owner. */
  const usersOf = (name: RegExp, owner: string) =>
    [...house].filter(([path, text]) => path !== owner && name.test(text)).map(([path]) => path);

  test('starts other programs: it hides their windows on Windows', () => {
    expect(usersOf(/import (?!type\b)[^;]*'node:child_process'/, 'src/system/children.ts')).toEqual([]);
  });

  test('renames: on Windows it waits while another program has the file open', () => {
    const rename = /import \{[^}]*\brename(Sync)?\b[^}]*\} from 'node:fs(\/promises)?'|\.renameSync\(/;
    expect(usersOf(rename, 'src/system/renameOver.ts')).toEqual([]);
  });
});

test('neither files nor first-level folders import one another in cycles, including type imports', () => {
  expect(circlesOf(house)).toEqual({ files: [], rooms: [] });
});

describe('names a forbidden import', () => {
  test.each([
    ['src/shared/format.ts', "import type { Recipe } from '../recipe/recipe';", 'src/recipe/recipe.ts'],
    ['src/recipe/draft.ts', "import { TRICKS } from '../tricks/registry';", 'src/tricks/registry.ts'],
    ['src/engines/choice.ts', "import { loadEngine } from '../backends';", 'src/backends/index.ts'],
    [
      'src/runs/store.ts',
      "import type { Batches } from '../training/data/batches';",
      'src/training/data/batches.ts',
    ],
    ['webview/model.ts', "import { readRun } from '../src/runs/store';", 'src/runs/store.ts'],
    ['src/cli/main.ts', "await import('../backends/wasm/wasm');", 'src/backends/wasm/wasm.ts'],
    [
      'src/training/loop/loop.ts',
      "import { TRICKS } from '../../tricks/registry';",
      'src/tricks/registry.ts',
    ],
    ['src/insight/lenses.ts', "import type * as vscode from 'vscode';", 'vscode'],
    ['src/runs/store.ts', "import * as tf from '@tensorflow/tfjs-core';", '@tensorflow/tfjs-core'],
    ['src/experiment/parse.ts', "import { readFileSync } from 'node:fs';", 'node:fs'],
    ['src/protocol/events.ts', "import { isDeepStrictEqual } from 'node:util';", 'node:util'],
  ])('%s: %s', (path, line, imported) => {
    expect(wallProblems(with_(path, line))).toEqual([
      expect.stringContaining(`${path} imports ${imported}: `),
    ]);
  });

  test('a type that closes a cycle of files', () => {
    const closing = with_('src/models/graph.ts', "import type { ModelSpec } from './catalog';");
    expect(circlesOf(closing).files).toEqual([
      expect.arrayContaining(['src/models/catalog.ts', 'src/models/graph.ts']),
    ]);
  });

  test('a type that closes a cycle of folders', () => {
    const closing = with_('src/models/graph.ts', "import type { Recipe } from '../recipe/recipe';");
    expect(circlesOf(closing).rooms).toEqual([['models', 'recipe']]);
  });
});

test.each(['ARCHITECTURE.md', 'README.md', 'docs/performance.md', 'src/backends/README.md'])(
  'every file that %s names is there',
  (document) => {
    const text = readFileSync(join(ROOT, document), 'utf8');
    const named = [
      ...text.matchAll(/`((?:src|webview|test|bench|scripts|docs|examples|schemas)\/[\w./-]+)`/g),
    ];
    expect(named.map(([, path = '']) => path).filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  },
);

describe('every file of a kind is in its list', () => {
  test.each([
    ['src/tricks', 'src/tricks/registry.ts', ['registry', 'trick', 'replacesSgd', 'resNetTweak']],
    ['src/training/effects', 'src/training/effects/index.ts', ['index', 'effect']],
    ['src/cli/commands', 'src/cli/main.ts', []],
    [
      'src/interop/export',
      'src/interop/export/commandLine.ts',
      [
        'commandLine',
        'stateDict',
        'imageInput',
        'onnx',
        'protobuf',
        'timmFolder',
        'torchvisionModel',
        'weightsFormat',
      ],
    ],
  ])('%s, in %s', (folder, list, others) => {
    const listed = house.get(list) ?? '';
    const files = paths.filter((path) => dirname(path) === folder).map((path) => basename(path, '.ts'));
    const missing = files.filter((name) => !others.includes(name) && !listed.includes(`/${name}'`));
    expect(missing, `they are not in ${list}`).toEqual([]);
  });
});

describe('ARCHITECTURE.md', () => {
  const folders = [...new Set(paths.map(dirname))].filter((folder) => folder !== 'src').sort();
  const reasons = new Map(
    [...architecture.matchAll(/^\| `([^`]+)` +\| (.+?) +\|$/gm)].map(([, folder, reason]) => [
      folder,
      reason,
    ]),
  );

  test('has a reason for every folder, and lists no others', () => {
    expect(folders.filter((folder) => !reasons.has(folder))).toEqual([]);
    const rows = [...reasons.keys()].filter((row = '') =>
      /^(src|webview|test|bench|data|docs|scripts)\b/.test(row),
    );
    expect(rows.filter((row = '') => !existsSync(join(ROOT, row)))).toEqual([]);
  });

  test(`says why a folder has more than ${MOST_FILES} files`, () => {
    const filesIn = (folder: string) => paths.filter((path) => dirname(path) === folder).length;
    const full = folders.filter((folder) => filesIn(folder) > MOST_FILES);
    expect(full.filter((folder) => !reasons.get(folder)?.includes('one file per'))).toEqual([]);
  });
});
