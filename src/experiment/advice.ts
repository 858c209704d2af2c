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

/** An advice with its trick and its place in the file. */
export interface PlacedAdvice extends Advice {
  readonly trick: Trick<TrickName>;
  readonly range: Range;
}

/** What the tricks advise for an experiment that can be trained, in the file's order. */
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
      without && trick.fits && !trick.fits(without) ? [idle(trick)] : (trick.advice?.(draft, options) ?? []);
    return given.map((each) => ({ ...each, trick, range: rangeOf(document, trick, each) }));
  });
  return advice.toSorted((a, b) => a.range.start.offset - b.range.start.offset);
}

/** Whether an advice is to have something in or set right; those to take something out are a matter of taste. */
export function isAdvised({ fix }: Advice): boolean {
  return fix.type !== 'remove';
}

/** Edits that follow one advice. */
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

/** One edit that follows every advice to insert or set something. */
export function allAdviceEdits(document: ExperimentDocument, experiment: Experiment): EditResult {
  const steps = adviceFor(document, experiment)
    .filter(isAdvised)
    .map((advice) => (current: ExperimentDocument) => adviceEdits(current, experiment, advice));
  return document.inSequence(steps);
}

/** What there is to say of a trick that changes nothing. */
function idle(trick: Trick): Advice {
  return {
    path: ['tricks', trick.name],
    what: l10n.t('{0} changes nothing in this experiment.', trick.name),
    remedy: l10n.t('Take it out.'),
    fix: { type: 'remove' },
  };
}

/** A path below a trick is one below the key that it is written under. */
function rangeOf(document: ExperimentDocument, { name }: Trick, { path }: Advice): Range {
  const [section, trick, ...rest] = path;
  const isTricks = section === 'tricks' && trick === name;
  const written = isTricks ? writtenTrick(document.value, name) : undefined;
  const part = isTricks && rest.length === 0 ? 'key' : 'value';
  return document.rangeOf(written === undefined ? path : ['tricks', written, ...rest], part);
}
