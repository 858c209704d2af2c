import * as vscode from 'vscode';
import type { Waiting } from '../runs/lease/verdict';
import type { Failure } from '../shared/failure';
import { plainMessage } from './shown';
import { firstLine } from './views/runText';

/** What a message offers to do. */
export interface Offer {
  readonly title: string;
  run(): unknown;
}

/** Shows a message without waiting for a person; what it offers is done when chosen. */
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

/** Asks a person whether to do something, beside what is going on or, with a detail, in its way. */
export async function asks(
  severity: 'warning' | 'info',
  question: string,
  yes: string,
  detail?: string,
): Promise<boolean> {
  return (await chooses(severity, question, [yes], detail)) === yes;
}

/** Has a person choose, beside what is going on or, with a detail, in its way; undefined where none is chosen. */
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
 * Does something with a run that may first have to wait until it can be told who trains it. The wait is shown, and a person
 * may cancel it: then nothing is done, and that is no failure.
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
