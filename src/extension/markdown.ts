import * as vscode from 'vscode';

/**
 * Markdown for VS Code, which only this file makes. What comes from a file stands in it by `codeSpan` or `markdownText`
 * (`src/shared/markdown.ts`): no HTML, no icons, and links run only the commands that are named.
 */
export function markdown(text: string, enabledCommands: readonly string[] = []): vscode.MarkdownString {
  const made = new vscode.MarkdownString(text);
  if (enabledCommands.length > 0) made.isTrusted = { enabledCommands };
  return made;
}
