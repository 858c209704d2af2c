/**
 * What VS Code shows, from texts that a file, a folder's name or a run may have written: the one place that makes
 * Markdown, and the functions that keep a text from being more than text in messages, picks, lenses and the status bar.
 */
import * as vscode from 'vscode';
import { visibleText } from '../shared/visibleText';

/** The commands that Markdown of this extension may run when a person clicks. */
export type LinkedCommand = 'bagOfTricks.compareTrick' | 'bagOfTricks.configureTrick';

/**
 * Markdown whose links run `commands` and no other; without any it is not trusted. Neither HTML nor icons are drawn.
 * Values in it come by `markdownText` or `markdownCode`.
 */
export function markdown(text: string, commands: readonly LinkedCommand[] = []): vscode.MarkdownString {
  const shown = new vscode.MarkdownString(text, false);
  shown.supportHtml = false;
  shown.isTrusted = commands.length > 0 ? { enabledCommands: commands } : false;
  return shown;
}

/** A text for a message or a notification's progress, where VS Code makes links of Markdown's, of commands too. */
export function plainMessage(message: string): string {
  return visibleLinesOf(message).replaceAll('](', '] (');
}

/** A text where VS Code draws `$(name)` as an icon: picks, lenses and the status bar. */
export function plainLabel(label: string): string {
  return visibleText(label).replace(/\$(?=\([A-Za-z0-9~-]+\))/g, '\\$$');
}

/** Rows of a pick, whose texts are shown as they are; `icon` is drawn before the label. */
export interface PickRow extends vscode.QuickPickItem {
  readonly icon?: string;
}

/** The row as VS Code takes it. */
export function shownRow<Row extends PickRow>(row: Row): Row {
  const { icon, label, description, detail } = row;
  return {
    ...row,
    label: `${icon === undefined ? '' : `$(${icon}) `}${plainLabel(label)}`,
    ...(description === undefined ? {} : { description: plainLabel(description) }),
    ...(detail === undefined ? {} : { detail: plainLabel(detail) }),
  };
}

/** What a person picks of some rows, as it was given; undefined where none. */
export async function pickRow<Row extends PickRow>(
  rows: readonly Row[],
  options: vscode.QuickPickOptions,
): Promise<Row | undefined> {
  const shown = rows.map(shownRow);
  const picked = await vscode.window.showQuickPick(shown, { ...options, canPickMany: false });
  return picked && rows[shown.indexOf(picked)];
}

/** The rows that a person leaves checked; undefined where the choice was given up. */
export async function pickRows<Row extends PickRow>(
  rows: readonly Row[],
  options: vscode.QuickPickOptions,
): Promise<Row[] | undefined> {
  const shown = rows.map(shownRow);
  const picked = await vscode.window.showQuickPick(shown, { ...options, canPickMany: true });
  return picked?.map((row) => rows[shown.indexOf(row)]!);
}

function visibleLinesOf(message: string): string {
  return message.split('\n').map(visibleText).join('\n');
}
