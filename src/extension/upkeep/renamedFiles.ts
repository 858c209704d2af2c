import { dirname } from 'node:path';
import * as vscode from 'vscode';
import { parseDocument } from '../../experiment/text/document';
import { type Candidate, exists, movedFile, recordRename } from '../../runs/upkeep/renames';
import { isMapping } from '../../shared/values';
import { isInside } from '../../system/insideFolder';
import { foldedPath } from '../../system/samePath';
import type { ExperimentFiles } from '../language/experimentFiles';
import type { ReadableRun } from '../runs/liveRun';
import { experimentFileOf, type RunLibrary } from '../runs/runLibrary';
import type { StudySource } from '../studySource';

/** A missing file may just be moving. Wait this long before looking for it. */
const QUIET_MS = 1000;

/** A larger file cannot be an experiment. */
const MAX_BYTES = 1 << 20;

/**
 * Keeps runs attached to their experiment file after it or its folder is renamed. Covers renames in the editor, and
 * renames by another program if only one file matches. Writes nothing in an untrusted workspace.
 */
export class RenamedFiles implements vscode.Disposable {
  readonly #subscriptions: vscode.Disposable[];
  #looking: NodeJS.Timeout | null = null;
  #looked = '';

  constructor(
    private readonly files: ExperimentFiles,
    private readonly library: RunLibrary,
    private readonly studies: StudySource,
    private readonly roots: () => readonly string[],
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.#subscriptions = [
      vscode.workspace.onDidRenameFiles(({ files: renamed }) => this.#try(() => this.#follow(renamed))),
      files.onDidChange(() => this.#lookSoon()),
      library.onDidChange(() => this.#lookSoon()),
    ];
  }

  dispose(): void {
    if (this.#looking) clearTimeout(this.#looking);
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  async #follow(
    renamed: readonly { readonly oldUri: vscode.Uri; readonly newUri: vscode.Uri }[],
  ): Promise<void> {
    if (!vscode.workspace.isTrusted) return;
    const time = Date.now();
    let isRecorded = false;
    for (const { oldUri, newUri } of renamed) {
      if (oldUri.scheme !== 'file' || newUri.scheme !== 'file') continue;
      for (const root of this.roots()) {
        if (!this.#filesOf(root).some((file) => isIn(file, oldUri.fsPath))) continue;
        await recordRename(root, { time, from: oldUri.fsPath, to: newUri.fsPath });
        isRecorded = true;
      }
    }
    if (isRecorded) await this.#refresh();
    // File watchers do not report the files inside a renamed folder.
    await this.files.refresh();
  }

  /** The experiment and study files that the runs and studies of a store belong to. */
  #filesOf(root: string): string[] {
    const runs = this.library.runs.flatMap((run) =>
      run.kind === 'run' && run.root === root ? [experimentFileOf(run)] : [],
    );
    const studies = this.studies.studies.flatMap((study) =>
      study.kind === 'study' && isInside(study.facts.folder, root)
        ? [study.facts.experimentFile, study.facts.studyFile ?? study.facts.experimentFile]
        : [],
    );
    return [...runs, ...studies];
  }

  #lookSoon(): void {
    this.#looking ??= setTimeout(() => {
      this.#looking = null;
      this.#try(() => this.#look());
    }, QUIET_MS);
  }

  /** Looks for the missing experiment files of runs. */
  async #look(): Promise<void> {
    if (!vscode.workspace.isTrusted) return;
    const shown = new Set(this.files.uris.map(({ fsPath }) => foldedPath(fsPath)));
    const lost = new Map<string, ReadableRun[]>();
    for (const run of this.library.runs) {
      if (run.kind === 'broken' || shown.has(foldedPath(experimentFileOf(run)))) continue;
      const key = `${run.root}\n${foldedPath(experimentFileOf(run))}`;
      lost.set(key, [...(lost.get(key) ?? []), run]);
    }
    const looked = JSON.stringify([[...lost.keys()], [...shown]]);
    if (lost.size === 0 || looked === this.#looked) return;
    this.#looked = looked;
    const candidates = await this.#candidates();
    let isRecorded = false;
    for (const runs of lost.values()) {
      const [newest] = runs;
      if (!newest) continue;
      const from = experimentFileOf(newest);
      const to = movedFile(
        runs.map(({ manifest }) => ({ text: manifest.experiment.text, name: manifest.recipe.name })),
        candidates.filter(({ file }) => isInside(file, newest.root)),
      );
      // The file may have returned, for example after checking out another branch.
      if (to === null || (await exists(from)) || !(await exists(dirname(newest.folder)))) continue;
      await recordRename(newest.root, { time: Date.now(), from, to, isGuess: true });
      this.log.info(`${from} is gone; its runs are shown below ${to}.`);
      isRecorded = true;
    }
    if (isRecorded) await this.#refresh();
  }

  async #candidates(): Promise<Candidate[]> {
    const withRuns = new Set(
      this.library.runs.flatMap((run) => (run.kind === 'run' ? [foldedPath(experimentFileOf(run))] : [])),
    );
    const candidates: Candidate[] = [];
    for (const uri of this.files.uris.filter(({ scheme }) => scheme === 'file')) {
      try {
        if ((await vscode.workspace.fs.stat(uri)).size > MAX_BYTES) continue;
        const text = new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
        const hasRuns = withRuns.has(foldedPath(uri.fsPath));
        candidates.push({ file: uri.fsPath, text, name: nameIn(text, uri.fsPath), hasRuns });
      } catch {
        // Deleted in the meantime.
      }
    }
    return candidates;
  }

  async #refresh(): Promise<void> {
    await Promise.all([this.library.refresh(), this.studies.refresh()]);
  }

  #try(act: () => Promise<void>): void {
    act().catch((error) => this.log.error('A renamed experiment file could not be followed:', error));
  }
}

function isIn(file: string, place: string): boolean {
  return isInside(foldedPath(file), foldedPath(place));
}

function nameIn(text: string, file: string): string | null {
  const { value } = parseDocument(text, file);
  return isMapping(value) && typeof value.name === 'string' ? value.name : null;
}
