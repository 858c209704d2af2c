import * as l10n from '@vscode/l10n';
import type { Recipe } from '../../recipe/recipe';
import { type System, type SystemName, translate } from './system';
import { timm } from './timm';
import { torchvision } from './torchvision';

export const SYSTEMS: Readonly<Record<SystemName, System>> = { timm, torchvision };

/**
 * Returns a shell script that trains a recipe with another system: its command with one option per line, and comments
 * on what that system does differently and what it cannot do. Words in capitals are placeholders for a person to fill
 * in.
 */
export function commandLine(name: SystemName, recipe: Recipe): string {
  const system = SYSTEMS[name];
  const { options, differences, missing } = translate(system, recipe);
  return [
    ...comment(l10n.t('{0}, as {1} trains it', recipe.name, system.title)),
    [system.program, ...options.map((words) => words.map(quoted).join(' '))].join(' \\\n  '),
    ...section(l10n.t('Differences:'), differences),
    ...section(l10n.t('No equivalent for:'), missing),
    '',
  ].join('\n');
}

function section(title: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : ['', ...comment(title), ...items.flatMap((item) => comment(`- ${item}`))];
}

function comment(text: string): string[] {
  return text.split('\n').map((line) => `# ${line}`);
}

/** Quotes a word for bash, on one line. A word with control characters becomes `$'...'`, which POSIX does not have. */
export function quoted(word: string): string {
  // Escapes line breaks and terminal control characters. The shell decodes them.
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
