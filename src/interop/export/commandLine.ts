import * as l10n from '@vscode/l10n';
import type { Recipe } from '../../recipe/recipe';
import { type System, type SystemName, translate } from './system';
import { timm } from './timm';
import { torchvision } from './torchvision';

export const SYSTEMS: Readonly<Record<SystemName, System>> = { timm, torchvision };

/**
 * A shell script that trains a recipe with another system: its command, an option a line, and as comments what that
 * does otherwise and what it cannot do. Words in capitals are for a person to fill in.
 */
export function commandLine(name: SystemName, recipe: Recipe): string {
  const system = SYSTEMS[name];
  const { options, differences, missing } = translate(system, recipe);
  return [
    ...comment(l10n.t('{0}, as {1} trains it', recipe.name, system.title)),
    [system.program, ...options.map((words) => words.map(quoted).join(' '))].join(' \\\n  '),
    ...section(l10n.t('It does otherwise:'), differences),
    ...section(l10n.t('It has no equivalent of:'), missing),
    '',
  ].join('\n');
}

function section(title: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : ['', ...comment(title), ...items.flatMap((item) => comment(`- ${item}`))];
}

function comment(text: string): string[] {
  return text.split('\n').map((line) => `# ${line}`);
}

/** A word as a POSIX shell takes it for one, on one line. */
export function quoted(word: string): string {
  // Line breaks and what a terminal obeys are escaped for the shell: it reads them as they were.
  if (/\p{Cc}/u.test(word)) {
    const bytes = word.replace(/[\\']|\p{Cc}/gu, (character) =>
      Array.from(
        new TextEncoder().encode(character),
        (byte) => `\\${byte.toString(8).padStart(3, '0')}`,
      ).join(''),
    );
    return `$'${bytes}'`;
  }
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
