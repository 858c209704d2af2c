import type * as vscode from 'vscode';
import type { KnownStudy, StudyFacts } from '../protocol/studyView';
import type { Failure } from '../shared/failure';

/** The studies of the open folders, whoever runs them. */
export interface StudySource {
  /** Root by root, newest first. */
  readonly studies: readonly KnownStudy[];
  /** The studies have changed, or a run of one has. */
  readonly onDidChange: vscode.Event<void>;
  /** The current facts of the study in a folder. */
  facts(folder: string): KnownStudy | undefined;
  /** Reads the studies again. */
  refresh(): Promise<void>;
}

/** Actions on a study. Each resolves to a failure, or to null on success. */
export interface StudyControl {
  /** Stops it after the current steps of its runs, so that it can be resumed. */
  stop(folder: string): Promise<Failure | null>;
  resume(folder: string): Promise<Failure | null>;
  /** Runs the chosen set against the first levels on fresh seeds. */
  confirm(folder: string): Promise<Failure | null>;
  /** Deletes the study's own folder and keeps its runs. */
  delete(folder: string): Promise<Failure | null>;
}

/** A study with readable files. */
export type ReadableStudy = Extract<KnownStudy, { kind: 'study' }>;

/** Whether a study is running or waiting. */
export function isUnderWay({ state }: Pick<StudyFacts, 'state'>): boolean {
  return state.status === 'running' || state.status === 'waiting';
}

/** Whether a study ended early and can be resumed. */
export function isResumableStudy({ state }: Pick<StudyFacts, 'state'>): boolean {
  return state.status === 'stopped' || state.status === 'interrupted' || state.status === 'failed';
}

/** The folder of a study and its id. */
export function studyFolderOf(study: KnownStudy): { readonly folder: string; readonly id: string } {
  return study.kind === 'study' ? study.facts : study;
}
