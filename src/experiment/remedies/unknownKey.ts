import * as l10n from '@vscode/l10n';
import { nearest } from '../../shared/nearest';
import type { Path } from '../../shared/path';
import { isMapping, valueAt } from '../../shared/values';
import { trickCalled } from '../../tricks/registry';
import { accepts } from './candidates';
import { at, type Finding, type Guide, type Remedy, suggestion } from './finding';
import { keysCalled } from './otherNames';

/**
 * Returns the finding for a key that is not valid here. `allowed` are the keys that could still be added next to it.
 */
export function unknownKey(path: Path, allowed: readonly string[], value: unknown, guide: Guide): Finding {
  const key = String(path.at(-1));
  return at(path, l10n.t('Unknown key {0}.', key), remedyOf(path, key, allowed, value, guide), 'key');
}

function remedyOf(path: Path, key: string, allowed: readonly string[], value: unknown, guide: Guide): Remedy {
  const section = path.slice(0, -1);
  const called = keysCalled(key);
  const here = called.find((ours) => isBelow(ours, section) && allowed.includes(String(ours.at(-1))));
  const input = valueAt(value, path);
  // Uses another system's meaning only if the value is valid there: `scheduler: {...}` is more than a decay.
  if (here && accepts(guide.schema, here, value, input)) {
    const ours = String(here.at(-1));
    return { remedy: l10n.t('It is called {0} here.', ours), replacement: ours };
  }
  const placeholder = ['trainer', 'values', key];
  if (section.length === 0 && valueAt(value, placeholder) !== undefined) {
    return { remedy: l10n.t('Write it as {0} instead.', placeholder.join('.')) };
  }
  const near = nearest(key, allowed);
  if (near !== undefined) return suggestion(near, allowed);
  const isTricks = path[0] === 'tricks';
  const home = sectionOf(key, guide);
  if (home !== undefined && home !== section[0] && !isTricks) {
    const to = [home, key];
    return {
      remedy: l10n.t('It belongs under {0}.', home),
      ...(canMove(to, input, value, guide) && { fix: { type: 'move', to, value: input } }),
    };
  }
  const elsewhere = called.find((ours) => ours.length === 2 && !isBelow(ours, section));
  if (elsewhere && !isTricks && isMapping(guide.example) && String(elsewhere[0]) in guide.example) {
    return {
      remedy: l10n.t('Write it as {0} instead.', elsewhere.join('.')),
      ...(canMove(elsewhere, input, value, guide) && { fix: { type: 'move', to: elsewhere, value: input } }),
    };
  }
  const trick = isTricks ? undefined : trickCalled(key);
  if (trick && isMapping(guide.example) && 'tricks' in guide.example) {
    const to = ['tricks', trick.trick.name];
    const isBare = typeof input === 'number' || typeof input === 'string';
    const choice = isBare && trick.option !== undefined ? { [trick.option]: input } : input;
    return {
      remedy: l10n.t('It is the trick {0}: write it under tricks.', trick.trick.name),
      ...(canMove(to, choice, value, guide) && { fix: { type: 'move', to, value: choice } }),
    };
  }
  return suggestion(undefined, allowed);
}

function isBelow(path: Path, section: Path): boolean {
  return path.length === section.length + 1 && section.every((key, index) => path[index] === key);
}

/** Returns the section that has a key of this name. */
function sectionOf(key: string, guide: Guide): string | undefined {
  return Object.entries(Object(guide.example)).find(
    ([section, part]) => section !== 'tricks' && isMapping(part) && Object.hasOwn(part, key),
  )?.[0];
}

/** Whether a path is unused and accepts a value. */
function canMove(to: Path, input: unknown, value: unknown, guide: Guide): boolean {
  const above = valueAt(value, to.slice(0, -1));
  const isRoom = above === undefined || above === null || isMapping(above);
  return isRoom && valueAt(value, to) === undefined && accepts(guide.schema, to, value, input);
}
