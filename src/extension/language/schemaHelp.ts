import * as vscode from 'vscode';

/**
 * Whether another extension completes and explains a file with the experiment's JSON Schema, which this extension
 * contributes: VS Code's own for JSON, Red Hat's for YAML. If so, that extension provides what both would.
 */
export function hasSchemaHelp({ languageId }: vscode.TextDocument): boolean {
  const helpers = {
    json: 'vscode.json-language-features',
    jsonc: 'vscode.json-language-features',
    yaml: 'redhat.vscode-yaml',
  };
  const helper = languageId in helpers ? helpers[languageId as keyof typeof helpers] : undefined;
  return helper !== undefined && vscode.extensions.getExtension(helper) !== undefined;
}
