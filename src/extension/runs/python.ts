import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as vscode from 'vscode';
import { PYTHON, PYTHON_SELECTED, PYTHON_SETTING } from '../../protocol/trainer';
import { placesOfRun } from '../../runs/commandRun';
import { readManifest } from '../../runs/store';
import { readSettings } from '../settings';

/** Identifier of Microsoft's Python extension. */
const PYTHON_EXTENSION = 'ms-python.python';

/** How long the extension may take to look at an interpreter. Without its answer, the selected path counts as it is. */
const RESOLVE_MS = 20_000;

/** The part of the Python extension's API that is used here. */
interface PythonExtension {
  readonly ready?: Promise<void>;
  readonly environments: {
    /** The interpreter or environment that is selected for a file. It may not exist. */
    getActiveEnvironmentPath(resource: vscode.Uri): { readonly id: string; readonly path: string };
    /** Undefined if there is no such environment. */
    resolveEnvironment(environment: {
      readonly id: string;
      readonly path: string;
    }): Promise<{ readonly executable: { readonly uri?: vscode.Uri } } | undefined>;
  };
}

/**
 * Returns the variables by which a command's trainer learns of a person's Python: the one of the setting, else the one
 * selected in the Python extension for the experiment's file.
 */
export async function pythonVariables(
  runFolder: string,
  log: vscode.LogOutputChannel,
): Promise<Record<string, string>> {
  const { python } = readSettings();
  if (python !== null) return { [PYTHON_SETTING]: python };
  // A variable that a person set counts more.
  if (process.env[PYTHON]) return {};
  const selected = await selectedPython(runFolder).catch((error: unknown) => {
    log.error('The Python extension did not say which interpreter is selected:', error);
    return null;
  });
  return selected === null ? {} : { [PYTHON_SELECTED]: selected };
}

/** Returns the interpreter that is selected in the Python extension. Null without that extension or a selection. */
async function selectedPython(runFolder: string): Promise<string | null> {
  const extension = vscode.extensions.getExtension<PythonExtension | undefined>(PYTHON_EXTENSION);
  const reading = await readManifest(runFolder);
  if (!extension || !reading.ok) return null;
  const api = await extension.activate();
  await api?.ready;
  if (!api?.environments) return null;
  const { root } = placesOfRun(runFolder, reading.manifest);
  const file = vscode.Uri.file(resolve(root, reading.manifest.experiment.file));
  const active = api.environments.getActiveEnvironmentPath(file);
  const resolved = await Promise.race([
    api.environments.resolveEnvironment(active),
    delay(RESOLVE_MS, undefined, { ref: false }),
  ]);
  if (resolved?.executable.uri) return resolved.executable.uri.fsPath;
  // The default is the mere name python, which selects nothing.
  return /[\\/]/.test(active.path) ? active.path : null;
}
