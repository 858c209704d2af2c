import * as l10n from '@vscode/l10n';
import { adviceEdits, adviceFor, allAdviceEdits, isAdvised, type PlacedAdvice } from '../experiment/advice';
import { setOption } from '../experiment/edits';
import type { ParseResult } from '../experiment/parse';
import type { Problem, Range } from '../experiment/problem';
import type { EditResult } from '../experiment/text/textEdits';
import { assertNever } from '../shared/assertNever';
import type { Path } from '../shared/path';
import { trickCalled } from '../tricks/registry';
import { titleInSentence } from './trickText';

/** An edit that mends what stands at a place. */
export interface QuickFix {
  readonly title: string;
  /** What it mends. */
  readonly range: Range;
  /** Whether it is what one would do without a second thought. */
  readonly isPreferred: boolean;
  edits(): EditResult;
}

/** A finished run, as a value that the file can name. */
export interface RunReference {
  readonly id: string;
  /** Its result in a few words. */
  readonly description: string;
}

/** More runs than these to choose from are for completion. */
const MAX_RUNS = 5;

/** What can be done about the problems and advice of a file. `runs` are finished, newest first. */
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

/** The edit that follows all advice to insert or set something; null where there is none. */
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

function problemFixes(
  { document }: ParseResult,
  { range, path, replacement }: Problem,
  runs: readonly RunReference[],
): QuickFix[] {
  if (replacement !== undefined) {
    const text = document.format === 'json' ? JSON.stringify(replacement) : replacement;
    const { start, end } = range;
    return [
      {
        title: l10n.t('Write {0}', replacement),
        range,
        isPreferred: true,
        edits: () => ({
          ok: true,
          edits: [{ offset: start.offset, length: end.offset - start.offset, text }],
        }),
      },
    ];
  }
  const [section, key] = path;
  const ofTrick = section === 'tricks' && typeof key === 'string' ? trickCalled(key)?.trick : undefined;
  if (ofTrick && path.length === 2) {
    return [
      {
        title: l10n.t('Remove {0}', titleInSentence(ofTrick.title())),
        range,
        isPreferred: false,
        edits: () => document.removeIn(path),
      },
    ];
  }
  if (!namesRun(path)) return [];
  return runs.slice(0, MAX_RUNS).map(({ id, description }, index) => ({
    title: l10n.t('Use {0} ({1})', id, description),
    range,
    isPreferred: index === 0,
    edits: () => setOption(document, String(path[1]), String(path[2]), id),
  }));
}

/** Whether what stands at a path of a file is the id of a run. */
export function namesRun([section, key, option, ...rest]: Path): boolean {
  if (section !== 'tricks' || typeof key !== 'string' || rest.length > 0) return false;
  const called = trickCalled(key);
  const named = option ?? called?.option;
  return typeof named === 'string' && (called?.trick.runOptions?.includes(named) ?? false);
}
