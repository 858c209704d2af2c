import * as vscode from 'vscode';
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
  const { showWarningMessage, showInformationMessage } = vscode.window;
  const show = severity === 'warning' ? showWarningMessage : showInformationMessage;
  const options = detail === undefined ? {} : { modal: true, detail: plainMessage(detail) };
  return (await show(plainMessage(question), options, yes)) === yes;
}

export function tellFailure({ what, remedy }: Failure, ...offers: Offer[]): void {
  tell('error', `${firstLine(what)} ${remedy}`, ...offers);
}
