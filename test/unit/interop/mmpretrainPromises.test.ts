/** Python, and MMEngine if it is installed, read an edited config as the lens says. */
import { isDeepStrictEqual } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { applyEdits } from '../../../src/experiment/text/textEdits';
import { fitsOf } from '../../support/foreignFiles';
import { disagreements, type Edited, loaded, settingsOf } from '../../support/mmpretrain';
import { MMPRETRAIN_CONFIGS, MMPRETRAIN_FILES, readingMmpretrain } from '../../support/mmpretrainConfigs';

const { BAG_OF_TRICKS_PYTHON: python = 'python3' } = process.env;
const readText = readingMmpretrain();

/** Returns each config unchanged, with each editable trick switched on or off, and switched back. */
function edited(path: string): Edited[] {
  const text = MMPRETRAIN_FILES[path] ?? '';
  const fits = fitsOf(text, path, readText).fits;
  return [
    { path, text, what: 'as it is' },
    ...fits.flatMap((fit): Edited[] => {
      const { name } = fit.trick;
      const result = fit.toggle();
      if (!result.ok) return [];
      const once = applyEdits(text, result.edits);
      const back = fitsOf(once, path, readText)
        .fits.find(({ trick }) => trick === fit.trick)
        ?.toggle();
      const first = { path, text: once, what: `${name} ${fit.isIn ? 'out' : 'in'}` };
      return back?.ok
        ? [first, { path, text: applyEdits(once, back.edits), what: `${first.what} and back` }]
        : [first];
    }),
  ];
}

const all = MMPRETRAIN_CONFIGS.flatMap(edited);
const withBases = all.filter(({ path }) => path.startsWith('configs/'));

const isAt = (at: Edited) => `${at.path}, ${at.what}`;

describe('of every config, with every trick in and out', () => {
  test('there are some', () => {
    expect(MMPRETRAIN_CONFIGS.length).toBeGreaterThan(8);
    expect(all.length).toBeGreaterThan(150);
  });

  test.each(all.map((at) => [isAt(at), at] as const))('%s: the trick is where the lens says', (_, at) => {
    const [, name, to] = /^(\w+) (in|out)/.exec(at.what) ?? [];
    if (name === undefined) return;
    const fit = fitsOf(at.text, at.path, readText).fits.find(({ trick }) => trick.name === name);
    // A trick that is off and would change nothing is not offered.
    expect(fit?.unknown ?? null).toBeNull();
    expect(fit?.isIn ?? false).toBe((to === 'in') !== at.what.endsWith('back'));
  });

  describe.each([
    ['Python', 'python', withBases],
    ['MMEngine', 'mmengine', all],
  ] as const)('%s', (what, reader, configs) => {
    let found: ReturnType<typeof loaded> = null;
    beforeAll(() => {
      found = loaded(python, reader, configs);
    });

    test('reads what is read here', (context) => {
      if (!found) context.skip(`${python} cannot load configs with ${what}`);
      const wrong = configs.flatMap((at, index) =>
        disagreements(settingsOf(at.text, at.path, readText), found?.[index] ?? {}).map(
          (each) => `${isAt(at)}: ${each}`,
        ),
      );
      expect(wrong).toEqual([]);
    });

    test('reads no change beside the trick', (context) => {
      if (!found) context.skip(`${python} cannot load configs with ${what}`);
      const wrong = configs.flatMap((at, index) => {
        const before = found?.[configs.findIndex((each) => each.path === at.path)] ?? {};
        const changed = Object.keys({ ...before, ...found?.[index] }).filter(
          (key) => !isDeepStrictEqual(before[key], found?.[index]?.[key]),
        );
        const allowed = ['model', 'optim_wrapper', 'param_scheduler', 'custom_hooks', 'auto_scale_lr'];
        return changed.length > 1 || changed.some((key) => !allowed.includes(key))
          ? [`${isAt(at)}: ${changed}`]
          : [];
      });
      expect(wrong).toEqual([]);
    });
  });
});
