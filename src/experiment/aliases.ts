import * as l10n from '@vscode/l10n';
import type { Path } from '../shared/path';
import { isMapping } from '../shared/values';
import { trickCalled } from '../tricks/registry';
import type { Finding } from './validate';

/** An experiment in the product's own terms, with a record of the translated names. */
export interface Translation {
  /** Plain data in which the tricks have their names in this product. */
  readonly value: unknown;
  /** One warning per name from another system, with the product's name. */
  readonly warnings: readonly Finding[];
  /** Tricks written twice under two names. */
  readonly errors: readonly Finding[];
  /** Maps a path in `value` to the path in the file. */
  readonly writtenPath: (path: Path) => Path;
}

/** Translates the trick names of timm, torchvision and others, under the key `tricks`. */
export function translate(value: unknown): Translation {
  const tricks = isMapping(value) ? value.tricks : undefined;
  if (!isMapping(value) || !isMapping(tricks)) return untranslated(value);
  const ours: Record<string, unknown> = {};
  /** The keys as written, by the product's name. */
  const written = new Map<string, string>();
  const warnings: Finding[] = [];
  const errors: Finding[] = [];
  for (const [key, choice] of Object.entries(tricks)) {
    const called = trickCalled(key);
    const name = called?.trick.name ?? key;
    const path = ['tricks', key];
    const other = written.get(name);
    if (other !== undefined) {
      errors.push({
        path,
        part: 'key',
        what: l10n.t('{0} and {1} are the same trick.', other, key),
        remedy: l10n.t('Keep one of them.'),
      });
      continue;
    }
    written.set(name, key);
    ours[name] = called && name !== key ? choiceFor(choice, called.option) : choice;
    if (called && name !== key) {
      warnings.push({
        path,
        part: 'key',
        what: l10n.t('{0} is called {1} here.', key, name),
        remedy: l10n.t('This name works too, but write {0}.', name),
        // A bare value sets an option, which the product's trick name does not express.
        replacement: ours[name] === choice ? name : undefined,
      });
    }
  }
  if (warnings.length === 0 && errors.length === 0) return untranslated(value);
  return {
    value: { ...value, tricks: ours },
    warnings,
    errors,
    writtenPath: (path) => {
      const key = path[0] === 'tricks' ? written.get(String(path[1])) : undefined;
      return key === undefined ? path : ['tricks', key, ...path.slice(2)];
    },
  };
}

/** Returns the key under which a file switches a trick on or off: its own name, an alias, or undefined. */
export function writtenTrick(value: unknown, name: string): string | undefined {
  const tricks = isMapping(value) ? value.tricks : undefined;
  if (!isMapping(tricks)) return undefined;
  if (Object.hasOwn(tricks, name)) return name;
  return Object.keys(tricks).find((key) => trickCalled(key)?.trick.name === name);
}

/**
 * Interprets a choice under another system's name. A number or string is the value of the option that the name refers
 * to.
 */
function choiceFor(choice: unknown, option: string | undefined): unknown {
  const isBare = typeof choice === 'number' || typeof choice === 'string';
  return isBare && option !== undefined ? { [option]: choice } : choice;
}

function untranslated(value: unknown): Translation {
  return { value, warnings: [], errors: [], writtenPath: (path) => path };
}
