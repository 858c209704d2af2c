import * as l10n from '@vscode/l10n';
import { fieldAt } from '../../experiment/schemaTree';
import { isMapping, valueAt } from '../../shared/values';
import { experimentKeys } from '../../study/file/keys';
import { ownWords } from '../../study/file/resolveValue';
import { type Baseline, isCommandBaseline } from '../../study/file/study';
import { ALL_TRICKS, trickCalled } from '../../tricks/registry';
import { trickFits } from '../trickFit';
import { type Completion, escaped, type WordInPlace } from '../wordInPlace';
import { canBeCompared } from './comparableKeys';

/** Offers what can be searched: tricks that fit the experiment, and its keys, each with an initial range or choices. */
export function searchedItems(
  { marked, isKeyOfValue, comma }: WordInPlace,
  { baseline }: { readonly baseline: Baseline | null },
): Completion[] {
  const held = valueAt(marked.value, ['search']);
  const written = isMapping(held) ? Object.keys(held).map((key) => trickCalled(key)?.trick.name ?? key) : [];
  const { notation, format } = marked;
  const entry = (key: string, value: string) =>
    isKeyOfValue ? escaped(notation.key(key)) : `${escaped(notation.key(key))}: ${value}${comma}`;
  const fits =
    baseline && !isCommandBaseline(baseline) ? trickFits(baseline).map(({ trick }) => trick) : ALL_TRICKS;
  const tricks = fits
    .filter(({ name }) => !written.includes(name))
    .map(
      ({ name, title }): Completion => ({
        kind: 'trick',
        label: name,
        detail: title(),
        documentation: '',
        snippet: entry(name, format === 'json' ? '[false, true]' : '[off, on]'),
      }),
    );
  if (!baseline) return tricks;
  const value = ownWords(baseline.document.value);
  const keys = experimentKeys(value)
    .filter((key) => !written.includes(key) && key !== 'schedule.epochs' && canBeCompared(key, value))
    .map((key): Completion => {
      const path = key.split('.');
      const field = fieldAt(path, value);
      const now = valueAt(baseline.experiment, path) ?? field?.default;
      return {
        kind: 'key',
        label: key,
        detail: now === undefined ? '' : l10n.t('now {0}', notation.inline(now)),
        documentation: field?.description ?? '',
        snippet: entry(key, spaceAround(now, [...(field?.values.keys() ?? [])], marked)),
      };
    });
  return [...tricks, ...keys];
}

/**
 * Returns a range around a number: a factor of ten to either side, or a factor of two for integers. Otherwise returns
 * the listed values, or two placeholders.
 */
function spaceAround(
  now: unknown,
  values: readonly (string | number | boolean)[],
  { notation }: WordInPlace['marked'],
): string {
  if (typeof now === 'number' && now > 0) {
    const isWhole = Number.isInteger(now);
    const kind = isWhole ? 'integers' : 'log';
    const [low, high] = isWhole
      ? [Math.max(1, Math.floor(now / 2)), 2 * now]
      : [Number((now / 10).toPrecision(3)), Number((now * 10).toPrecision(3))];
    return `{ ${escaped(notation.key(kind))}: [\${1:${low}}, \${2:${high}}] }`;
  }
  if (values.length >= 2) return `[${values.map((each) => escaped(notation.inline(each))).join(', ')}]`;
  return '[$1, $2]';
}
