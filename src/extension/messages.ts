import * as vscode from 'vscode';
import type { Failure } from '../shared/failure';
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
  void show(withoutLinks(message), ...titles).then((chosen) =>
    offers.find(({ title }) => title === chosen)?.run(),
  );
}

/** VS Code makes links of Markdown's in a message, those that run commands too: a run's name must not. */
function withoutLinks(message: string): string {
  return message.replaceAll('](', '] (');
}

export function tellFailure({ what, remedy }: Failure, ...offers: Offer[]): void {
  tell('error', `${firstLine(what)} ${remedy}`, ...offers);
}
