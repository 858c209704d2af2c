import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path/posix';
import { expect, test } from 'vitest';

const ROOT = join(__dirname, '../../..');

const sources = ['src', 'webview'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path): [string, string] => [join(folder, path), readFileSync(join(ROOT, folder, path), 'utf8')]),
);

const usersOf = (use: RegExp) => sources.filter(([, text]) => use.test(text)).map(([path]) => path);

test('the command line writes in only one file, which escapes what it is given', () => {
  const writing = /\bprocess\.(stdout|stderr)\b|\bconsole\.\w+\(|node:readline|styleText|\\x1b|\\u001b/;
  expect(usersOf(writing).filter((path) => path.startsWith('src/cli/'))).toEqual(['src/cli/terminal.ts']);
});

test('other programs write to a log, or answer the program that started them', () => {
  const writing = /(?<!#)\bprocess\.(stdout|stderr)\b|\bconsole\.\w+\(/;
  expect(
    usersOf(writing)
      .toSorted()
      .filter((path) => !path.startsWith('src/cli/')),
  ).toEqual([
    // These write to trainer.log, or to the output that a predictor's parent process captures.
    'src/backends/index.ts',
    // Programs for a separate process. Its output is parsed.
    'src/engines/dawnProbe.ts',
    'src/engines/nvidia.ts',
    'src/engines/probe.ts',
    'src/engines/stepProbe.ts',
    'src/runs/trainer/trainerProcess.ts',
    'src/training/parallel/worker.ts',
    'src/training/predictor/main.ts',
    'src/training/trainer/data.ts',
    'src/training/trainer/main.ts',
  ]);
});

test('the editor shows texts through the functions that escape them', () => {
  const owners: readonly (readonly [RegExp, readonly string[]])[] = [
    [/MarkdownString\(|isTrusted =|supportHtml|supportThemeIcons/, ['src/extension/shown.ts']],
    [/\bshowQuickPick\(/, ['src/extension/shown.ts']],
    [/\bshow(Error|Warning|Information)Message\b/, ['src/extension/messages.ts']],
  ];
  for (const [use, files] of owners) expect(usersOf(use)).toEqual(files);
  for (const path of usersOf(/createQuickPick|\.items = /)) {
    expect(sources.find(([each]) => each === path)?.[1], path).toContain('map(shownRow)');
  }
  const reporting = usersOf(/progress\.report\(/);
  expect(reporting.length).toBeGreaterThan(0);
  for (const path of reporting) {
    expect(sources.find(([each]) => each === path)?.[1], path).not.toMatch(/message: (?!plainMessage\()/);
  }
});

test('HTML pages are written whole, by the files that escape them', () => {
  const html = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment/;
  expect(usersOf(html)).toEqual([]);
  expect(usersOf(/webview\.html = /).toSorted()).toEqual([
    'src/extension/views/classifiedPanel.ts',
    'src/extension/views/panelPage.ts',
  ]);
});
