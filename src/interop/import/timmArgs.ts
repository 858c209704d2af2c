import * as l10n from '@vscode/l10n';
import { parseDocument } from '../../experiment/text/document';
import type { EditResult } from '../../experiment/text/textEdits';
import { isMapping } from '../../shared/values';
import type { Changes, Settings } from '../../tricks/elsewhere/mapping';
import { type Adapter, flattened, mappingsOf } from './adapter';
import { isOffInEveryRelease, takes } from './argparse';
import { TIMM_ANCHORS, timmExperiment } from './timmExperiment';
import { TIMM_FLAGS } from './timmFlags';

/** Minimum number of distinctive keys: those that few other programs' files have. */
const ENOUGH = 2;

const TRICKS = mappingsOf('timm');

/** The settings of tricks, accepted even if the option table does not list them. */
const OF_TRICKS = new Set(Object.values(TRICKS).flatMap(({ settings }) => settings));

/** Whether a text has the distinctive keys. A cheap check before parsing, because editors ask for every YAML file. */
function mayBeArguments(text: string): boolean {
  const keys = text.matchAll(/^(["']?)([a-z_]+)\1[ \t]*:/gm);
  const found = new Set(Array.from(keys, ([, , key = '']) => key));
  return found.has('model') && [...found].filter(isTelling).length >= ENOUGH;
}

function isTelling(key: string): boolean {
  const flag = Object.hasOwn(TIMM_FLAGS, key) ? TIMM_FLAGS[key] : undefined;
  return flag !== undefined && flag.isCommon !== true;
}

/** Whether all keys are options of timm's train.py with valid values. null leaves an option unset. */
function isAllTimms(value: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(value).every(([key, each]) => {
    const flag = Object.hasOwn(TIMM_FLAGS, key) ? TIMM_FLAGS[key] : undefined;
    if (!flag) return OF_TRICKS.has(key);
    return each === null || takes(flag, each);
  });
}

/** The arguments of timm's train.py (pytorch-image-models), in the format that args.yaml stores and --config reads. */
export const timmArgs: Adapter = {
  system: 'timm',
  read(text, fileName) {
    if (!/\.ya?ml$/i.test(fileName) || !mayBeArguments(text)) return null;
    const document = parseDocument(text, fileName);
    const { value, problems } = document;
    if (problems.length > 0 || !isMapping(value)) return null;
    const isTimm = Object.keys(value).filter(isTelling).length >= ENOUGH && isAllTimms(value);
    if (!isTimm || typeof value.model !== 'string') return null;
    return {
      settings: settingsOf(value),
      rangeOf: (setting) => {
        const path = setting.split('.');
        return Object.hasOwn(value, path[0] ?? '') ? document.rangeOf(path, 'key') : null;
      },
      start: document.rangeOf(['model'], 'key'),
      edit: (changes) =>
        refusal(changes) ??
        document.inSequence(
          Object.entries(changes).map(([setting, next]) => (current): EditResult => {
            const path = setting.split('.');
            return next === undefined ? current.removeIn(path) : current.setIn(path, next);
          }),
        ),
    };
  },
  anchors: TIMM_ANCHORS,
  tricks: TRICKS,
  experiment: timmExperiment,
};

function settingsOf(value: Readonly<Record<string, unknown>>): Settings {
  const older = Object.keys(value).find((key) => Object.hasOwn(TIMM_FLAGS, key) && TIMM_FLAGS[key]?.isOlder);
  const why = older === undefined ? null : olderText(older);
  return Object.assign(new Map(flattened(value)), {
    absentBecause: (setting: string) => (isOffInEveryRelease(TIMM_FLAGS[setting]) ? null : why),
  });
}

function olderText(key: string): string {
  return l10n.t(
    '{0} is an option from a release before {1} {2}, which has different defaults.',
    key,
    'timm',
    '1.0',
  );
}

/** Returns why train.py would reject a value, null if it accepts all. */
function refusal(changes: Changes): EditResult | null {
  for (const [setting, value] of Object.entries(changes)) {
    const flag = TIMM_FLAGS[setting];
    if (flag && value !== undefined && value !== null && !takes(flag, value)) {
      return { ok: false, reason: l10n.t('{0} cannot be {1}.', setting, String(value)) };
    }
  }
  return null;
}
