import * as l10n from '@vscode/l10n';
import type { Path } from '../shared/path';
import { isMapping } from '../shared/values';
import { trickCalled } from '../tricks/registry';
import type { Finding } from './validate';

/** An experiment in our own words, and where other words stood for them. */
export interface Translation {
  /** Plain data whose tricks have the names of this product. */
  readonly value: unknown;
  /** Each name of another system, with ours. */
  readonly warnings: readonly Finding[];
  /** Tricks that are written twice, under two names. */
  readonly errors: readonly Finding[];
  /** The path in the file of what stands at a path of `value`. */
  readonly writtenPath: (path: Path) => Path;
}

/** Understands the names that timm, torchvision and others give to tricks, below the key `tricks`. */
export function translate(value: unknown): Translation {
  const tricks = isMapping(value) ? value.tricks : undefined;
  if (!isMapping(value) || !isMapping(tricks)) return untranslated(value);
  const ours: Record<string, unknown> = {};
  /** Keys as written, by ours. */
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
        remedy: l10n.t('It is understood; write {0}.', name),
        // A bare value is that of an option, which our name does not say.
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

/** The key under which a file has a trick switched on or off: its own name, an alias, or none. */
export function writtenTrick(value: unknown, name: string): string | undefined {
  const tricks = isMapping(value) ? value.tricks : undefined;
  if (!isMapping(tricks)) return undefined;
  if (Object.hasOwn(tricks, name)) return name;
  return Object.keys(tricks).find((key) => trickCalled(key)?.trick.name === name);
}

/** What a choice under another system's name means: a number or text is the value of the option it names. */
function choiceFor(choice: unknown, option: string | undefined): unknown {
  const isBare = typeof choice === 'number' || typeof choice === 'string';
  return isBare && option !== undefined ? { [option]: choice } : choice;
}

function untranslated(value: unknown): Translation {
  return { value, warnings: [], errors: [], writtenPath: (path) => path };
}
