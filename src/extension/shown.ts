/**
 * Prepares texts for VS Code that may come from a file, a folder name or a run. All Markdown is built here. The other
 * functions keep a text from being interpreted in messages, picks, CodeLenses and the status bar.
 */
import * as vscode from 'vscode';
import { visibleText } from '../shared/visibleText';

/** Commands that a click in this extension's Markdown may run. */
export type LinkedCommand = 'bagOfTricks.compareTrick' | 'bagOfTricks.configureTrick';

/**
 * Creates Markdown with links that can only run `commands`. Without commands it is untrusted. HTML and icons are not
 * rendered. Escape values in the text with `markdownText` or `markdownCode`.
 */
export function markdown(text: string, commands: readonly LinkedCommand[] = []): vscode.MarkdownString {
  const shown = new vscode.MarkdownString(text, false);
  shown.supportHtml = false;
  shown.isTrusted = commands.length > 0 ? { enabledCommands: commands } : false;
  return shown;
}

/** Escapes a text for a message or a progress notification, where VS Code renders Markdown links, even to commands. */
export function plainMessage(message: string): string {
  return visibleLinesOf(message).replaceAll('](', '] (');
}

/** Escapes a text for places where VS Code renders `$(name)` as an icon: picks, CodeLenses and the status bar. */
export function plainLabel(label: string): string {
  return visibleText(label).replace(/\$(?=\([A-Za-z0-9~-]+\))/g, '\\$$');
}

/** A row of a quick pick with literal text. `icon` appears before the label. */
export interface PickRow extends vscode.QuickPickItem {
  readonly icon?: string;
}

/** Converts the row to VS Code's format. */
export function shownRow<Row extends PickRow>(row: Row): Row {
  const { icon, label, description, detail } = row;
  return {
    ...row,
    label: `${icon === undefined ? '' : `$(${icon}) `}${plainLabel(label)}`,
    ...(description === undefined ? {} : { description: plainLabel(description) }),
    ...(detail === undefined ? {} : { detail: plainLabel(detail) }),
  };
}

/** Shows a quick pick. Returns the chosen row as given, or undefined on cancel. */
export async function pickRow<Row extends PickRow>(
  rows: readonly Row[],
  options: vscode.QuickPickOptions,
): Promise<Row | undefined> {
  const shown = rows.map(shownRow);
  const picked = await vscode.window.showQuickPick(shown, { ...options, canPickMany: false });
  return picked && rows[shown.indexOf(picked)];
}

/**
 * Shows a multi-select quick pick. Returns the checked rows, or undefined on cancel. A click elsewhere does not dismiss
 * it.
 */
export async function pickRows<Row extends PickRow>(
  rows: readonly Row[],
  options: vscode.QuickPickOptions,
): Promise<Row[] | undefined> {
  const shown = rows.map(shownRow);
  const picked = await vscode.window.showQuickPick(shown, {
    ...options,
    canPickMany: true,
    ignoreFocusOut: true,
  });
  return picked?.map((row) => rows[shown.indexOf(row)]!);
}

function visibleLinesOf(message: string): string {
  return message.split('\n').map(visibleText).join('\n');
}
