import { isMapping } from '../shared/values';
import type { Translation } from './aliases';
import { type Override, overrideOf, parseOverride } from './overrides';
import type { Fix, Problem } from './problem';
import type { ExperimentDocument } from './text/document';
import type { Finding } from './validate';

/** Adds syntax errors. Drops other problems on the same lines, because the syntax error may have caused them. */
export function besideSyntax(document: ExperimentDocument, problems: readonly Problem[]): Problem[] {
  const lines = new Set(document.problems.map(({ range }) => range.start.line));
  const others = problems.filter(
    ({ range, override }) => override !== undefined || !lines.has(range.start.line),
  );
  return [...document.problems, ...others].toSorted((a, b) => a.range.start.offset - b.range.start.offset);
}

/** A part whose lines are all commented out counts as omitted, not as invalid. */
export function withoutEmptyParts(value: unknown): unknown {
  if (!isMapping(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== null));
}

/** Returns the problems of findings, in file order, at their places in the file or with their override. */
export function place(
  document: ExperimentDocument,
  findings: readonly Finding[],
  overrides: readonly Override[],
  { writtenPath }: Translation,
): Problem[] {
  return findings
    .map((finding) => {
      const path = writtenPath(finding.path);
      const override = overrideOf(overrides, path);
      const { fix } = finding;
      const writtenFix: Fix | undefined = fix?.type === 'set' ? { ...fix, path: writtenPath(fix.path) } : fix;
      const found = problem(document, { ...finding, path, fix: writtenFix });
      return { ...found, ...(override && { override: override.source }) };
    })
    .toSorted((a, b) => a.range.start.offset - b.range.start.offset);
}

/** Reads `key=value` pairs that override the file: the valid ones, and the problems of the others. */
export function readOverrides(
  document: ExperimentDocument,
  settings: readonly string[],
): { readonly overrides: readonly Override[]; readonly unread: readonly Problem[] } {
  const overrides: Override[] = [];
  const unread: Problem[] = [];
  for (const source of settings) {
    const result = parseOverride(source);
    if (result.ok) overrides.push(result.override);
    else unread.push({ ...problem(document, result.finding), override: source });
  }
  return { overrides, unread };
}

/** Returns the problem of a finding at its place in the file. */
export function problem(document: ExperimentDocument, finding: Finding): Problem {
  const { path, part, what, remedy, replacement, fix } = finding;
  const range = document.rangeOf(path, part);
  return {
    ...{ severity: 'error', path, range, what, remedy },
    ...(replacement !== undefined && { replacement }),
    ...(fix && { fix }),
  };
}
