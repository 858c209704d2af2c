import { existsSync } from 'node:fs';
import * as vscode from 'vscode';

/** What the stand-in exports: the real extension's API for selections, and how a test selects. */
export interface StandIn {
  readonly ready: Promise<void>;
  readonly environments: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { readonly id: string; readonly path: string };
    resolveEnvironment(environment: {
      readonly path: string;
    }): Promise<{ readonly executable: { readonly uri: vscode.Uri } } | undefined>;
  };
  /** Selects an interpreter for the files below a folder, or nothing. */
  select(path: string | null, folder?: string): void;
}

export function activate(): StandIn {
  let selected: { readonly path: string; readonly folder: string } | null = null;
  return {
    ready: Promise.resolve(),
    environments: {
      getActiveEnvironmentPath(resource) {
        const isMeant = selected !== null && resource?.fsPath.startsWith(selected.folder);
        // Without a selection, the real one has the mere name of a program.
        const path = selected !== null && isMeant ? selected.path : 'python';
        return { id: path, path };
      },
      async resolveEnvironment({ path }) {
        return path !== 'python' && existsSync(path)
          ? { executable: { uri: vscode.Uri.file(path) } }
          : undefined;
      },
    },
    select(path, folder = '') {
      selected = path === null ? null : { path, folder };
    },
  };
}
