import * as l10n from '@vscode/l10n';
import { setOption } from '../experiment/edits';
import type { Problem, Range } from '../experiment/problem';
import type { ExperimentDocument } from '../experiment/text/document';
import type { EditResult } from '../experiment/text/textEdits';
import { assertNever } from '../shared/assertNever';
import type { Path } from '../shared/path';

/** An edit that fixes a problem. */
export interface QuickFix {
  readonly title: string;
  /** The range that it fixes. */
  readonly range: Range;
  /** Whether it is the obvious fix. */
  readonly isPreferred: boolean;
  edits(): EditResult;
}

/** Returns the edit for a problem's remedy, null if that takes a person. */
export function remedyFix(document: ExperimentDocument, problem: Problem): QuickFix | null {
  const { path, range, replacement, fix } = problem;
  if (replacement !== undefined) {
    const text = document.format === 'json' ? JSON.stringify(replacement) : replacement;
    return {
      title: l10n.t('Write {0}', replacement),
      range,
      isPreferred: true,
      edits: () => replaced(range, text),
    };
  }
  switch (fix?.type) {
    case undefined:
      return null;
    case 'set':
      return {
        title: l10n.t('Write {0}', shortened(`${fix.path.at(-1)}: ${document.notation.inline(fix.value)}`)),
        range,
        isPreferred: fix.isMeant,
        edits: () => setAt(document, fix.path, fix.value),
      };
    case 'move':
      return {
        title: l10n.t('Move it to {0}', fix.to.join('.')),
        range,
        isPreferred: true,
        edits: () =>
          document.inSequence([
            (before) => before.removeIn(path),
            (before) => before.setIn(fix.to, fix.value, { after: 'schedule' }),
          ]),
      };
    case 'remove':
      return {
        title: l10n.t('Remove {0}', path.join('.')),
        range,
        isPreferred: false,
        edits: () => document.removeIn(path),
      };
    default:
      return assertNever(fix);
  }
}

function setAt(document: ExperimentDocument, path: Path, value: unknown): EditResult {
  // List items are not edited by key.
  if (path.some((key) => typeof key === 'number')) {
    return replaced(document.rangeOf(path), document.notation.inline(value));
  }
  const [section, trick, option, ...rest] = path;
  return section === 'tricks' && option !== undefined && rest.length === 0
    ? setOption(document, String(trick), String(option), value)
    : document.setIn(path, value);
}

function replaced({ start, end }: Range, text: string): EditResult {
  return { ok: true, edits: [{ offset: start.offset, length: end.offset - start.offset, text }] };
}

/** Longer titles do not fit in a menu. */
const LONGEST_TITLE = 60;

function shortened(text: string): string {
  return text.length > LONGEST_TITLE ? `${text.slice(0, LONGEST_TITLE)}...` : text;
}
