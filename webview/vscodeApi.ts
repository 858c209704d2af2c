/** The API that VS Code gives a webview's script. It can be acquired only once. */
interface WebviewApi<Message, State> {
  postMessage(message: Message): void;
  getState(): unknown;
  setState(state: State | undefined): void;
}
declare function acquireVsCodeApi<Message, State>(): WebviewApi<Message, State>;

/** A page's connection to the extension host. */
export interface Host<Message, State> {
  /** Sends a message to the extension host. */
  post(message: Message): void;
  /** Returns the state that this panel saved before a reload, if any. */
  savedState(): State | undefined;
  /** Saves the state that this panel needs after a reload. */
  saveState(state: State | undefined): void;
}

/** Connects a page to the extension host, once per page. */
export function connectHost<Message, State>(
  isState: (value: unknown) => value is State,
): Host<Message, State> {
  const api = acquireVsCodeApi<Message, State>();
  return {
    post: (message) => api.postMessage(message),
    savedState: () => {
      const state = api.getState();
      return isState(state) ? state : undefined;
    },
    saveState: (state) => api.setState(state),
  };
}
