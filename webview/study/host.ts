import { type FromStudyPage, isStudyPageState, type StudyPageState } from '../../src/protocol/studyPage';

/** What VS Code gives a webview's script, once. */
interface WebviewApi {
  postMessage(message: FromStudyPage): void;
  getState(): unknown;
  setState(state: StudyPageState | undefined): void;
}
declare function acquireVsCodeApi(): WebviewApi;

const api = acquireVsCodeApi();

/** Sends a message to the extension host. */
export function post(message: FromStudyPage): void {
  api.postMessage(message);
}

/** What an earlier life of this panel left, if anything. */
export function savedState(): StudyPageState | undefined {
  const state = api.getState();
  return isStudyPageState(state) ? state : undefined;
}

/** Leaves what the next life of this panel needs. */
export function saveState(state: StudyPageState | undefined): void {
  api.setState(state);
}
