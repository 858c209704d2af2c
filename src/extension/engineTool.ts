import { createInterface } from 'node:readline';
import * as vscode from 'vscode';
import type { Diagnosis } from '../engines/doctor';
import { ALLOW_UNVERIFIED } from '../engines/install/method';
import type { NativeEngine } from '../engines/installations';
import { type InstallProgress, installEventSchema } from '../protocol/install';
import { trainerEnvironment } from '../runs/trainerCommand';
import type { Failure } from '../shared/failure';
import { execFile, spawn } from '../system/children';
import { readSettings } from './settings';

/** The result of an installation. */
export type InstallEnd =
  | { readonly outcome: 'installed'; readonly folder: string }
  | { readonly outcome: 'failed'; readonly failure: Failure }
  | { readonly outcome: 'cancelled' };

const OUTPUT_BYTES = 1 << 20;

/**
 * Installs and diagnoses engines with the command line, in a separate process on the Node that trains. Keeps engine
 * libraries out of the extension host.
 */
export class EngineTool {
  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  /**
   * Diagnoses the engines. An untrusted workspace has no influence on the result.
   *
   * @throws if the command line gives no answer
   */
  async diagnose(): Promise<Diagnosis> {
    const { command, args, options } = this.#tricks('doctor', '--json');
    const { stdout } = await execFile(command, args, { ...options, maxBuffer: OUTPUT_BYTES });
    // The command line ships with this package, so its output has the right type.
    return JSON.parse(stdout) as Diagnosis;
  }

  /** Installs an engine for this user, or changes nothing. */
  async install(
    engine: NativeEngine,
    { allowUnverified }: { readonly allowUnverified: boolean },
    onStep: (step: InstallProgress) => void,
    cancel: vscode.CancellationToken,
  ): Promise<InstallEnd> {
    const { command, args, options } = this.#tricks(
      ...['engine', 'install', engine, '--json'],
      ...(allowUnverified ? [ALLOW_UNVERIFIED] : []),
    );
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    const cancelling = cancel.onCancellationRequested(() => child.kill('SIGTERM'));
    child.stderr.on('data', (text: Buffer) => this.log.warn(text.toString().trimEnd()));
    let end: InstallEnd | null = null;
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => {
      const event = installEventSchema.safeParse(parsed(line));
      if (!event.success) this.log.info(line);
      else if (event.data.stage === 'done') end = { outcome: 'installed', folder: event.data.folder };
      else if (event.data.stage === 'failed') end = { outcome: 'failed', failure: event.data };
      else onStep(event.data);
    });
    const closed = await new Promise<string>((resolve) => {
      child.on('error', ({ message }) => resolve(message));
      child.on('close', (code, signal) => resolve(signal ?? `${code}`));
    });
    cancelling.dispose();
    if (end) return end;
    if (cancel.isCancellationRequested) return { outcome: 'cancelled' };
    return {
      outcome: 'failed',
      failure: {
        what: vscode.l10n.t('{0} was not installed: the installer stopped ({1}).', engine, closed),
        remedy: vscode.l10n.t('See the log for details.'),
      },
    };
  }

  #tricks(...args: string[]) {
    const folder = vscode.workspace.workspaceFolders?.find(({ uri }) => uri.scheme === 'file');
    const path = vscode.Uri.joinPath(this.extensionUri, 'dist', 'tricks.js').fsPath;
    return {
      command: readSettings().nodePath,
      args: [path, ...args],
      options: {
        cwd: vscode.workspace.isTrusted && folder ? folder.uri.fsPath : this.extensionUri.fsPath,
        env: trainerEnvironment(process.env),
      },
    };
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
