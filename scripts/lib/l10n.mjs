// @ts-check
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { getL10nJson } from '@vscode/l10n-dev';
import { root } from './processes.mjs';

const IMPORT = /^import \* as (?:l10n from '@vscode\/l10n'|vscode from 'vscode');$/gm;

/**
 * Extracts the texts for people from the sources.
 * @returns {Promise<import('@vscode/l10n-dev').l10nJsonFormat>} the content of l10n/bundle.l10n.json
 * @throws if a text has parts that are not arguments
 */
export async function extractTexts() {
  /** @type {Map<string, { imports: Set<string>, texts: string[] }>} */
  const groups = new Map();
  for (const path of await sources()) {
    const text = await readFile(path, 'utf8');
    const group = groups.get(extname(path)) ?? { imports: new Set(), texts: [] };
    groups.set(extname(path), group);
    for (const line of text.match(IMPORT) ?? []) group.imports.add(line);
    group.texts.push(text.replace(IMPORT, ''));
  }
  // The tool compiles its queries anew for each import of each file. So it gets one file of each kind, with each import
  // once. See docs/performance.md.
  return getL10nJson(
    [...groups].map(([extension, { imports, texts }]) => ({
      extension,
      contents: [...imports, ...texts].join('\n'),
    })),
  );
}

/** @returns {Promise<string[]>} the paths of all sources, sorted */
async function sources() {
  const folders = ['src', 'webview'].map((folder) => join(root, folder));
  const names = await Promise.all(
    folders.map(async (folder) =>
      (await readdir(folder, { recursive: true })).map((name) => join(folder, name)),
    ),
  );
  return names
    .flat()
    .filter((path) => /\.[jt]sx?$/.test(path))
    .sort();
}
