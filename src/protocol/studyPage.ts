import type { Failure } from '../shared/failure';
import type { StudyAction, StudyState, StudyView } from './studyView';

/** From the extension host to a study's page. */
export type ToStudyPage =
  /** All of a study, in place of what was shown. */
  | { readonly type: 'snapshot'; readonly view: StudyView }
  /** A study's folder that cannot be read, and why. */
  | { readonly type: 'damaged'; readonly folder: string; readonly id: string; readonly failure: Failure }
  /** No study to show, and why. */
  | { readonly type: 'clear'; readonly reason: string };

/** From a study's page to the extension host. */
export type FromStudyPage =
  /** Sent once the page can receive; answered by a message. */
  | { readonly type: 'ready' }
  | { readonly type: StudyAction | 'openExperiment' | 'openStudyFile'; readonly folder: string }
  /** Opens the dashboard of one of the study's runs. */
  | { readonly type: 'openRun'; readonly folder: string; readonly run: string };

/** What a study's page leaves with VS Code, so that a reload brings it back. */
export interface StudyPageState {
  readonly folder: string;
  readonly showDetails: boolean;
  /** The pair whose interaction is drawn, by its label; null for the first. */
  readonly pair: string | null;
}

const STATUSES: Record<StudyState['status'], true> = {
  waiting: true,
  running: true,
  stopped: true,
  interrupted: true,
  done: true,
  failed: true,
};

const REQUESTS: Record<Exclude<FromStudyPage['type'], 'ready' | 'openRun'>, true> = {
  stop: true,
  resume: true,
  confirm: true,
  keep: true,
  report: true,
  openExperiment: true,
  openStudyFile: true,
};

/** Whether a message is one for a study's page. Both ends come from one build, so this tells messages apart. */
export function isToStudyPage(value: unknown): value is ToStudyPage {
  if (!isObject(value)) return false;
  switch (value.type) {
    case 'snapshot':
      return isStudyView(value.view);
    case 'damaged':
      return typeof value.folder === 'string' && typeof value.id === 'string' && isFailure(value.failure);
    case 'clear':
      return typeof value.reason === 'string';
    default:
      return false;
  }
}

/** Whether a message is one from a study's page. */
export function isFromStudyPage(value: unknown): value is FromStudyPage {
  if (!isObject(value)) return false;
  if (value.type === 'ready') return true;
  if (typeof value.folder !== 'string' || typeof value.type !== 'string') return false;
  return value.type === 'openRun' ? typeof value.run === 'string' : Object.hasOwn(REQUESTS, value.type);
}

/** Whether VS Code hands back what a study's page left with it. */
export function isStudyPageState(value: unknown): value is StudyPageState {
  return (
    isObject(value) &&
    typeof value.folder === 'string' &&
    typeof value.showDetails === 'boolean' &&
    (value.pair === null || typeof value.pair === 'string')
  );
}

function isStudyView(value: unknown): value is StudyView {
  return (
    isObject(value) &&
    typeof value.folder === 'string' &&
    typeof value.name === 'string' &&
    isObject(value.state) &&
    typeof value.state.status === 'string' &&
    Object.hasOwn(STATUSES, value.state.status) &&
    isObject(value.progress) &&
    isObject(value.interactions) &&
    [value.notices, value.effects, value.runs, value.steps].every(Array.isArray)
  );
}

function isFailure(value: unknown): value is Failure {
  return isObject(value) && typeof value.what === 'string' && typeof value.remedy === 'string';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
