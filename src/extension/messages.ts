import * as vscode from 'vscode';
import type { Waiting } from '../runs/lease/verdict';
import type { Failure } from '../shared/failure';
import { plainMessage } from './shown';
import { firstLine } from './views/runText';

/** An action offered by a message. */
export interface Offer {
  readonly title: string;
  run(): unknown;
}

/** Shows a message without waiting for the user. Runs an offered action if it is chosen. */
export function tell(severity: 'error' | 'warning' | 'info', message: string, ...offers: Offer[]): void {
  const { showErrorMessage, showWarningMessage, showInformationMessage } = vscode.window;
  const show = { error: showErrorMessage, warning: showWarningMessage, info: showInformationMessage }[
    severity
  ];
  const titles = offers.map(({ title }) => title);
  void show(plainMessage(message), ...titles).then((chosen) =>
    offers.find(({ title }) => title === chosen)?.run(),
  );
}

/** Asks the user whether to do something. With a detail the message is modal. */
export async function asks(
  severity: 'warning' | 'info',
  question: string,
  yes: string,
  detail?: string,
): Promise<boolean> {
  return (await chooses(severity, question, [yes], detail)) === yes;
}

/** Lets the user choose. With a detail the message is modal. Returns undefined if nothing is chosen. */
export async function chooses(
  severity: 'warning' | 'info',
  question: string,
  choices: readonly string[],
  detail?: string,
): Promise<string | undefined> {
  const { showWarningMessage, showInformationMessage } = vscode.window;
  const show = severity === 'warning' ? showWarningMessage : showInformationMessage;
  const options = detail === undefined ? {} : { modal: true, detail: plainMessage(detail) };
  return show(plainMessage(question), options, ...choices);
}

export function tellFailure({ what, remedy }: Failure, ...offers: Offer[]): void {
  tell('error', `${firstLine(what)} ${remedy}`, ...offers);
}

/**
 * Acts on a run after waiting, if necessary, until it is clear who trains it. Shows the wait, which the user may
 * cancel. A cancel does nothing and is not a failure.
 */
export async function whileWaiting(
  act: (waiting: Waiting) => Promise<Failure | null>,
): Promise<Failure | null> {
  const controller = new AbortController();
  const { signal } = controller;
  let acting: Promise<Failure | null> = Promise.resolve(null);
  const onWaiting = (title: string) =>
    void vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title: plainMessage(title), cancellable: true },
      async (_, token) => {
        token.onCancellationRequested(() => controller.abort());
        await acting.catch(() => {});
      },
    );
  acting = act({ signal, onWaiting });
  return acting.catch((error: unknown) => {
    if (signal.aborted) return null;
    throw error;
  });
}

/** Runs work with a progress notification that the user may cancel. Returns null on cancel. */
export async function whileShown<Result>(
  title: string,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result | null> {
  const controller = new AbortController();
  const { signal } = controller;
  try {
    return await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title: plainMessage(title), cancellable: true },
      (_, token) => {
        token.onCancellationRequested(() => controller.abort());
        return work(signal);
      },
    );
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  }
}

/**
 * Runs work that may block the extension host for seconds, such as the search for a design with mutually exclusive
 * factors. Shows the title before the work starts.
 */
export function whileBusy<Result>(title: string, work: () => Result | Promise<Result>): Thenable<Result> {
  const options = { location: vscode.ProgressLocation.Notification, title: plainMessage(title) };
  return vscode.window.withProgress(options, async () => {
    await new Promise((drawn) => setImmediate(drawn));
    return work();
  });
}
