import * as l10n from '@vscode/l10n';
import { adviceEdits, adviceFor, allAdviceEdits, isAdvised, type PlacedAdvice } from '../experiment/advice';
import { removeTrick, setOption } from '../experiment/edits';
import type { ParseResult } from '../experiment/parse';
import type { Problem } from '../experiment/problem';
import type { ExperimentDocument } from '../experiment/text/document';
import { assertNever } from '../shared/assertNever';
import type { Path } from '../shared/path';
import { trickCalled } from '../tricks/registry';
import { type QuickFix, remedyFix } from './remedyFix';
import { titleInSentence } from './trickText';

export type { QuickFix };

/** A finished run that the file can name. */
export interface RunReference {
  readonly id: string;
  /** The run's result in a few words. */
  readonly description: string;
}

/** Completion offers more runs than these. */
const MAX_RUNS = 5;

/** Returns the fixes for the problems and advice of a file. `runs` holds the finished runs, newest first. */
export function quickFixes(parsed: ParseResult, runs: readonly RunReference[]): QuickFix[] {
  if (!parsed.ok) return parsed.problems.flatMap((problem) => problemFixes(parsed, problem, runs));
  const { document, experiment, warnings } = parsed;
  return [
    ...warnings.flatMap((problem) => problemFixes(parsed, problem, runs)),
    ...adviceFor(document, experiment).map((advice) => ({
      title: adviceTitle(advice),
      range: advice.range,
      isPreferred: isAdvised(advice),
      edits: () => adviceEdits(document, experiment, advice),
    })),
  ];
}

/** Returns the edit that follows all advice to insert or set something, null if there is none. */
export function adviceFix(parsed: ParseResult): Pick<QuickFix, 'title' | 'edits'> | null {
  if (!parsed.ok) return null;
  const { document, experiment } = parsed;
  if (!adviceFor(document, experiment).some(isAdvised)) return null;
  return {
    title: l10n.t('Apply all advised tricks'),
    edits: () => allAdviceEdits(document, experiment),
  };
}

function adviceTitle({ trick, fix }: PlacedAdvice): string {
  const title = titleInSentence(trick.title());
  switch (fix.type) {
    case 'insert':
      return l10n.t('Insert {0}', title);
    case 'remove':
      return l10n.t('Remove {0}', title);
    case 'set':
      return l10n.t('Set {0} to {1}', fix.path.join('.'), fix.value);
    case 'set_option':
      return l10n.t('Set {0} to {1}', `${trick.name}.${fix.option}`, fix.value);
    default:
      return assertNever(fix);
  }
}

/** Returns the fixes for a problem: its remedy, the removal of its trick, or runs to name. */
export function problemFixes(
  { document }: Pick<ParseResult, 'document'>,
  problem: Problem,
  runs: readonly RunReference[],
): QuickFix[] {
  const remedy = remedyFix(document, problem);
  return [...(remedy ? [remedy] : []), ...otherFixes(document, problem, runs, remedy !== null)];
}

/** Returns the fixes besides the remedy: remove a trick, or name a run. */
function otherFixes(
  document: ExperimentDocument,
  { range, path, replacement }: Problem,
  runs: readonly RunReference[],
  hasRemedyFix: boolean,
): QuickFix[] {
  if (replacement !== undefined) return [];
  const [section, key] = path;
  const ofTrick = section === 'tricks' && typeof key === 'string' ? trickCalled(key)?.trick : undefined;
  if (ofTrick && path.length === 2) {
    return [
      {
        title: l10n.t('Remove {0}', titleInSentence(ofTrick.title())),
        range,
        isPreferred: false,
        edits: () => removeTrick(document, key as string),
      },
    ];
  }
  if (!namesRun(path)) return [];
  return runs.slice(0, MAX_RUNS).map(({ id, description }, index) => ({
    title: l10n.t('Use {0} ({1})', id, description),
    range,
    isPreferred: !hasRemedyFix && index === 0,
    edits: () => setOption(document, String(path[1]), String(path[2]), id),
  }));
}

/** Whether the value at a path of a file is a run id. */
export function namesRun([section, key, option, ...rest]: Path): boolean {
  if (section !== 'tricks' || typeof key !== 'string' || rest.length > 0) return false;
  const called = trickCalled(key);
  const named = option ?? called?.option;
  return typeof named === 'string' && (called?.trick.runOptions?.includes(named) ?? false);
}
