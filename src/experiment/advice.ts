import * as l10n from '@vscode/l10n';
import { assertNever } from '../shared/assertNever';
import { ALL_TRICKS, type TrickName } from '../tricks/registry';
import type { Advice, Trick } from '../tricks/trick';
import { writtenTrick } from './aliases';
import { insertTrick, removeTrick, setOption } from './edits';
import type { Range } from './problem';
import { chosenTricks, plainDraft, withTricks } from './resolve';
import type { Experiment } from './schema';
import type { ExperimentDocument } from './text/document';
import type { EditResult } from './text/textEdits';

/** A piece of advice with its trick and its position in the file. */
export interface PlacedAdvice extends Advice {
  readonly trick: Trick<TrickName>;
  readonly range: Range;
}

/** Returns the tricks' advice for a valid experiment, in file order. */
export function adviceFor(document: ExperimentDocument, experiment: Experiment): PlacedAdvice[] {
  const plain = plainDraft(experiment);
  const chosen = chosenTricks(experiment);
  const draft = withTricks(plain, chosen);
  const advice = ALL_TRICKS.flatMap((trick) => {
    const options = chosen.find((each) => each.trick === trick)?.options ?? null;
    const without =
      options &&
      withTricks(
        plain,
        chosen.filter((each) => each.trick !== trick),
      );
    const given =
      without && options && trick.fits && !trick.fits(without)
        ? [idle(trick, trick.effect(without, options))]
        : (trick.advice?.(draft, options) ?? []);
    return given.map((each) => ({
      ...withLosses(each, trick),
      trick,
      range: rangeOf(document, trick, each),
    }));
  });
  return advice.toSorted((a, b) => a.range.start.offset - b.range.start.offset);
}

/** Whether advice is to insert or correct something. Removing something is a matter of taste. */
export function isAdvised({ fix }: Advice): boolean {
  return fix.type !== 'remove';
}

/** Returns the edits that follow one piece of advice. */
export function adviceEdits(
  document: ExperimentDocument,
  experiment: Experiment,
  { trick, fix }: PlacedAdvice,
): EditResult {
  switch (fix.type) {
    case 'insert':
      return insertTrick(
        document,
        trick.name,
        trick.insertion(withTricks(plainDraft(experiment), chosenTricks(experiment))),
      );
    case 'remove':
      return removeTrick(document, trick.name);
    case 'set':
      return document.setIn(fix.path, fix.value);
    case 'set_option':
      return setOption(document, trick.name, fix.option, fix.value);
    default:
      return assertNever(fix);
  }
}

/** Returns one edit that follows all advice to insert or set something. */
export function allAdviceEdits(document: ExperimentDocument, experiment: Experiment): EditResult {
  const steps = adviceFor(document, experiment)
    .filter(isAdvised)
    .map((advice) => (current: ExperimentDocument) => adviceEdits(current, experiment, advice));
  return document.inSequence(steps);
}

/** Returns the advice for a trick without effect. */
function idle(trick: Trick, why: string): Advice {
  return {
    path: ['tricks', trick.name],
    what: l10n.t('{0} changes nothing in this experiment ({1}).', trick.name, why),
    remedy: l10n.t('Remove it.'),
    fix: { type: 'remove' },
  };
}

/** Adds what the source measured against the trick to advice to insert it. */
function withLosses(advice: Advice, { source, evidence }: Trick): Advice {
  const losses = evidence.filter((row) => row.with < row.without);
  if (advice.fix.type !== 'insert' || losses.length === 0) return advice;
  const rows = losses.map(({ setting, without, with: withIt }) =>
    l10n.t('{0}: {1} to {2}', setting, without.toFixed(2), withIt.toFixed(2)),
  );
  const against = l10n.t('{0} measured a loss of accuracy with it ({1}).', source, rows.join('; '));
  return { ...advice, remedy: `${advice.remedy} ${against}` };
}

/** Maps a path under a trick to the key that the trick is written under. */
function rangeOf(document: ExperimentDocument, { name }: Trick, { path }: Advice): Range {
  const [section, trick, ...rest] = path;
  const isTricks = section === 'tricks' && trick === name;
  const written = isTricks ? writtenTrick(document.value, name) : undefined;
  const part = isTricks && rest.length === 0 ? 'key' : 'value';
  return document.rangeOf(written === undefined ? path : ['tricks', written, ...rest], part);
}
