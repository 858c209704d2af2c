import type * as vscode from 'vscode';
import type { KnownStudy, StudyFacts } from '../protocol/studyView';
import type { Failure } from '../shared/failure';

/** The studies of the open folders, whoever runs them. */
export interface StudySource {
  /** Root by root, newest first. */
  readonly studies: readonly KnownStudy[];
  /** Something about the studies is different, a run of one included. */
  readonly onDidChange: vscode.Event<void>;
  /** The study in a folder, with all that is known of it by now. */
  facts(folder: string): KnownStudy | undefined;
  /** Reads the studies anew. */
  refresh(): Promise<void>;
}

/** What can be done with a study; each resolves to what went wrong, or null. */
export interface StudyControl {
  /** Lets it end after the steps of its runs, to be resumed. */
  stop(folder: string): Promise<Failure | null>;
  resume(folder: string): Promise<Failure | null>;
  /** Runs the chosen set against the first levels on fresh seeds. */
  confirm(folder: string): Promise<Failure | null>;
  /** Deletes the study's own folder; its runs stay. */
  delete(folder: string): Promise<Failure | null>;
}

/** A study whose files could be read. */
export type ReadableStudy = Extract<KnownStudy, { kind: 'study' }>;

/** Whether a study goes on by itself. */
export function isUnderWay({ state }: Pick<StudyFacts, 'state'>): boolean {
  return state.status === 'running' || state.status === 'waiting';
}

/** Whether a study ended before its time, so that it can go on. */
export function isResumableStudy({ state }: Pick<StudyFacts, 'state'>): boolean {
  return state.status === 'stopped' || state.status === 'interrupted' || state.status === 'failed';
}

/** The folder of a study, and its id. */
export function studyFolderOf(study: KnownStudy): { readonly folder: string; readonly id: string } {
  return study.kind === 'study' ? study.facts : study;
}
