import * as l10n from '@vscode/l10n';
import { nearest } from '../../shared/nearest';
import type { Path } from '../../shared/path';
import type { Finding } from '../validate';

const PLACEHOLDER = /\$\{([^{}]*)\}/g;

/** Returns the names of the placeholders in a text. */
export function placeholdersIn(text: string): string[] {
  return Array.from(text.matchAll(PLACEHOLDER), ([, name = '']) => name);
}

/** Replaces the placeholders that have a value. The others stay. The result is a single word, whatever the values are. */
export function filled(word: string, values: Readonly<Record<string, string>>): string {
  return word.replace(PLACEHOLDER, (whole, name: string) =>
    Object.hasOwn(values, name) ? (values[name] ?? whole) : whole,
  );
}

/** Returns the findings for placeholders in `words` that are not among `names`, and for placeholders that do not end. */
export function placeholderFindings(
  path: Path,
  words: readonly string[],
  names: readonly string[],
): Finding[] {
  const unknown = [...new Set(words.flatMap(placeholdersIn))].filter((name) => !names.includes(name));
  const open = words.filter((word) => word.replace(PLACEHOLDER, '').includes(`\${`));
  return [
    ...unknown.map((name) => unknownPlaceholder(path, name, names)),
    ...open.map(
      (word): Finding => ({
        path,
        part: 'value',
        what: l10n.t('A placeholder in {0} does not end.', JSON.stringify(word)),
        remedy: l10n.t('Write it as {0}.', `\${${names[0] ?? 'name'}}`),
      }),
    ),
  ];
}

function unknownPlaceholder(path: Path, name: string, names: readonly string[]): Finding {
  const near = nearest(name, names);
  const what = l10n.t('There is no value for {0}.', `\${${name}}`);
  if (name === 'checkpoint') {
    const remedy = l10n.t('Use it only in {0}.', 'trainer.resume');
    return { path, part: 'value', what, remedy };
  }
  const known = names.map((each) => `\${${each}}`).join(', ');
  return {
    path,
    part: 'value',
    what,
    remedy:
      near !== undefined
        ? l10n.t('Did you mean {0}?', `\${${near}}`)
        : /^[A-Za-z_]\w*$/.test(name)
          ? l10n.t('Write {0} under trainer, or use one of {1}.', `values: { ${name}: ... }`, known)
          : l10n.t('Use one of {0}.', known),
  };
}
