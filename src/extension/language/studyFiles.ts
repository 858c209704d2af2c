/** Study files in the editor, each parsed with the experiment that it names. */
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import * as vscode from 'vscode';
import type { Problem } from '../../experiment/problem';
import { problemsOf } from '../../insight/study/problems';
import type { AnyParseResult } from '../../interop/command/parse';
import { readUtf8 } from '../../shared/utf8';
import { readIn } from '../../studies/command/reading';
import { experimentPathOf, isStudyName, parseStudy } from '../../study/file/parse';
import type { Baseline, ExperimentReading, StudyParse } from '../../study/file/study';
import { failureOf } from '../../system/errors';
import { isExperiment } from './experimentFiles';
import { parseGeneration, storeRootOf, trainingOf } from './parsing';

/** All study files of the workspace. */
export const STUDY_GLOB = '**/*.study.{yaml,yml,json,jsonc}';

export const STUDY_SELECTOR: vscode.DocumentSelector = { pattern: STUDY_GLOB };

/** A larger file cannot be an experiment. */
const LARGEST_FILE = 1 << 20;

export function isStudy(uri: vscode.Uri): boolean {
  return isStudyName(uri.path);
}

interface Held {
  readonly version: number;
  readonly path: string | null;
  readonly reading: ExperimentReading | null;
  readonly parsed: StudyParse;
}

const studies = new WeakMap<vscode.TextDocument, Held>();

/** The parsed content of an open study file. Parsed again after it or its experiment changes. */
export function studyOf(document: vscode.TextDocument): StudyParse {
  const held = studies.get(document);
  const isCurrent =
    held?.version === document.version &&
    (held.path === null || sameReading(readingOf(document.uri, held.path), held.reading));
  if (held && isCurrent) return held.parsed;
  let named: { readonly path: string; readonly reading: ExperimentReading } | null = null;
  const parsed = parseStudy(document.getText(), document.fileName, (path) => {
    const reading = readingOf(document.uri, path);
    named = { path, reading };
    return reading;
  });
  const { path, reading } = named ?? { path: null, reading: null };
  studies.set(document, { version: document.version, path, reading, parsed });
  return parsed;
}

interface HeldProblems {
  /** The experiment of a search, which `studyOf` does not read. */
  readonly reading: ExperimentReading | null;
  readonly problems: readonly Problem[];
}

const heldProblems = new WeakMap<StudyParse, HeldProblems>();

/** The problems of an open study file. Computed again after it or its experiment changes. */
export function studyProblemsOf(document: vscode.TextDocument): readonly Problem[] {
  const parsed = studyOf(document);
  const isSearch = !parsed.ok && parsed.why === 'search';
  const path = isSearch ? experimentPathOf(parsed.document) : null;
  const reading = path === null ? null : readingOf(document.uri, path);
  const held = heldProblems.get(parsed);
  if (held && (reading === null ? held.reading === null : sameReading(reading, held.reading))) {
    return held.problems;
  }
  const problems = problemsOf(parsed, (named) => reading ?? readingOf(document.uri, named));
  heldProblems.set(parsed, { reading, problems });
  return problems;
}

/** The experiment of an open study file, if it can be trained. */
export function baselineOf(document: vscode.TextDocument, path: string | null): Baseline | null {
  const reading = path === null ? null : readingOf(document.uri, path);
  return reading?.ok && reading.parsed.ok ? reading.parsed : null;
}

/** The experiment file that a path in a study file refers to. */
export function experimentUri(study: vscode.Uri, path: string): vscode.Uri {
  return study.with({ path: vscode.Uri.file(resolve(dirname(study.fsPath), path)).path });
}

function sameReading(one: ExperimentReading, other: ExperimentReading | null): boolean {
  if (!one.ok || !other?.ok) return !one.ok && other !== null && !other.ok && one.reason === other.reason;
  return one.parsed === other.parsed;
}

/** Reads the experiment from an open editor, otherwise from disk. */
function readingOf(study: vscode.Uri, path: string): ExperimentReading {
  // A study can make us read experiment files only, and none on another machine.
  const uri = isOnNetwork(path) ? null : experimentUri(study, path);
  if (!uri || !isExperiment(uri)) {
    return { ok: false, reason: vscode.l10n.t('Its name is not that of an experiment file.') };
  }
  const open = vscode.workspace.textDocuments.find((each) => each.uri.toString() === uri.toString());
  if (open) return { ok: true, parsed: trainingOf(open) };
  if (uri.scheme !== 'file') {
    return { ok: false, reason: vscode.l10n.t('It is not on the local disk. Open it in an editor.') };
  }
  return readFromDisk(uri);
}

function isOnNetwork(path: string): boolean {
  return /^[\\/]{2}/.test(path);
}

const onDisk = new Map<string, { readonly stamp: string; readonly parsed: AnyParseResult }>();

function readFromDisk(uri: vscode.Uri): ExperimentReading {
  const file = uri.fsPath;
  try {
    const { mtimeMs, size, isFile } = asFacts(statSync(file));
    if (!isFile || size > LARGEST_FILE) {
      return { ok: false, reason: vscode.l10n.t('It is not a file, or it is larger than 1 MiB.') };
    }
    const stamp = `${mtimeMs} ${size} ${parseGeneration()}`;
    const known = onDisk.get(file);
    if (known?.stamp === stamp) return { ok: true, parsed: known.parsed };
    const read = readUtf8(readFileSync(file));
    if (!read.ok) return { ok: false, reason: vscode.l10n.t('It is not UTF-8. Save it as UTF-8.') };
    const parsed = readIn(storeRootOf(uri), { file, text: read.text });
    onDisk.set(file, { stamp, parsed });
    return { ok: true, parsed };
  } catch (error) {
    return { ok: false, reason: failureOf(error).what };
  }
}

function asFacts(stat: ReturnType<typeof statSync>) {
  return { mtimeMs: Number(stat?.mtimeMs), size: Number(stat?.size), isFile: stat?.isFile() ?? false };
}
