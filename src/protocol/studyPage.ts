import type { Failure } from '../shared/failure';
import type { StudyAction, StudyState, StudyView } from './studyView';

/** Messages from the extension host to a study's page. */
export type ToStudyPage =
  /** A complete study, which replaces what is shown. */
  | { readonly type: 'snapshot'; readonly view: StudyView }
  /** A study folder that cannot be read, with the reason. */
  | { readonly type: 'damaged'; readonly folder: string; readonly id: string; readonly failure: Failure }
  /** There is no study to show, with the reason. */
  | { readonly type: 'clear'; readonly reason: string };

/** Messages from a study's page to the extension host. */
export type FromStudyPage =
  /** Sent when the page can receive messages. The answer is one of the messages above. */
  | { readonly type: 'ready' }
  | { readonly type: StudyAction | 'openExperiment' | 'openStudyFile'; readonly folder: string }
  /** Opens the dashboard of one of the study's runs. */
  | { readonly type: 'openRun'; readonly folder: string; readonly run: string };

/** The page's state, which VS Code keeps so that a reload restores it. */
export interface StudyPageState {
  readonly folder: string;
  readonly showDetails: boolean;
  /** Label of the pair whose interaction is drawn. Null for the first. */
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

/**
 * Whether a value is a message for a study's page. Both ends come from one build, so this only distinguishes messages.
 */
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

/** Whether a value is a message from a study's page. */
export function isFromStudyPage(value: unknown): value is FromStudyPage {
  if (!isObject(value)) return false;
  if (value.type === 'ready') return true;
  if (typeof value.folder !== 'string' || typeof value.type !== 'string') return false;
  return value.type === 'openRun' ? typeof value.run === 'string' : Object.hasOwn(REQUESTS, value.type);
}

/** Whether a value is the state of a study's page, as VS Code returns it. */
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
