import { type DashboardState, type FromDashboard, isDashboardState } from '../src/protocol/dashboard';

/** What VS Code gives a webview's script, once. */
interface WebviewApi {
  postMessage(message: FromDashboard): void;
  getState(): unknown;
  setState(state: DashboardState | undefined): void;
}
declare function acquireVsCodeApi(): WebviewApi;

const api = acquireVsCodeApi();

/** Sends a message to the extension host. */
export function post(message: FromDashboard): void {
  api.postMessage(message);
}

/** What an earlier life of this panel left, if anything. */
export function savedState(): DashboardState | undefined {
  const state = api.getState();
  return isDashboardState(state) ? state : undefined;
}

/** Leaves what the next life of this panel needs. */
export function saveState(state: DashboardState | undefined): void {
  api.setState(state);
}
