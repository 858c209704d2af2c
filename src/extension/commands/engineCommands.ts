import * as vscode from 'vscode';
import { linesOf } from '../../engines/doctorText';
import { consentText } from '../../engines/install/consentText';
import { sourcesFor } from '../../engines/install/method';
import { downloadBytes, prebuiltFor, wheelFor } from '../../engines/install/pins';
import { progressText } from '../../engines/install/progressText';
import { removeEngine as removeInstalled } from '../../engines/install/remove';
import { enginesFolder, findInManaged, NATIVE_ENGINES, type NativeEngine } from '../../engines/installations';
import { processorFlags } from '../../engines/processor';
import { notMadeFor } from '../../engines/systems';
import type { InstallProgress } from '../../protocol/install';
import { assertNever } from '../../shared/assertNever';
import { failureOf } from '../../system/errors';
import { asks, chooses, tell, tellFailure } from '../messages';
import type { Services } from '../services';
import { pickRow, plainMessage } from '../shown';

/** Installs an engine that is not in the package, with the user's consent. Canceling leaves everything unchanged. */
export async function installEngine(services: Services, name?: NativeEngine): Promise<void> {
  const engine = name ?? (await chooseEngine(installable(), vscode.l10n.t('Install an engine')));
  if (!engine) {
    if (installable().length === 0) tellNoneToInstall();
    return;
  }
  const consent = await consentTo(engine);
  if (!consent) return;
  const { withProgress } = vscode.window;
  const title = vscode.l10n.t('Installing {0}', engine);
  const location = vscode.ProgressLocation.Notification;
  const end = await withProgress({ location, title, cancellable: true }, (progress, cancel) => {
    let shown = 0;
    const percentOf = progressOf(engine);
    const onStep = (step: InstallProgress) => {
      if (step.stage === 'instead') services.log.warn(step.why);
      const percent = percentOf(step);
      progress.report({ message: plainMessage(progressText(step)), increment: Math.max(0, percent - shown) });
      shown = Math.max(shown, percent);
    };
    return services.engines.install(engine, consent, onStep, cancel);
  });
  const showLog = { title: vscode.l10n.t('Open log'), run: () => services.log.show() };
  switch (end.outcome) {
    case 'installed':
      tell('info', vscode.l10n.t('{0} is installed. Runs with engine auto use it from now on.', engine), {
        title: vscode.l10n.t('Diagnose engines'),
        run: () => diagnoseEngines(services),
      });
      return;
    case 'failed':
      tellFailure(end.failure, showLog);
      return;
    case 'cancelled':
      tell('info', vscode.l10n.t('Nothing was installed.'));
      return;
    default:
      return assertNever(end);
  }
}

/** Removes such an engine after the user confirms. */
export async function removeEngine(services: Services, name?: NativeEngine): Promise<void> {
  const installed = NATIVE_ENGINES.filter((engine) => findInManaged(engine, enginesFolder()));
  if (installed.length === 0) {
    tell('info', vscode.l10n.t('No engine is installed in {0}.', enginesFolder()));
    return;
  }
  const engine = name ?? (await chooseEngine(installed, vscode.l10n.t('Remove an engine')));
  if (!engine) return;
  const remove = vscode.l10n.t('Remove');
  const question = vscode.l10n.t('Remove the engine {0}?', engine);
  const detail = vscode.l10n.t(
    'Its folder in {0} is deleted. You can install it again later.',
    enginesFolder(),
  );
  if (!(await asks('warning', question, remove, detail))) return;
  try {
    await removeInstalled(engine);
    tell('info', vscode.l10n.t('Removed {0}.', engine));
  } catch (error) {
    services.log.error(`${engine} was not removed:`, error);
    tellFailure(failureOf(error));
  }
}

/** Diagnoses the engines on this machine and shows the report as a read-only document. */
export async function diagnoseEngines({ engines, reports, log }: Services): Promise<void> {
  const title = vscode.l10n.t('Diagnosing the engines on this machine');
  const location = vscode.ProgressLocation.Notification;
  try {
    const diagnosis = await vscode.window.withProgress({ location, title }, () => engines.diagnose());
    const text = [...linesOf(diagnosis), ''].join('\n');
    await vscode.window.showTextDocument(reports.hold(vscode.l10n.t('Engines'), text), { preview: true });
  } catch (error) {
    log.error('The engines were not diagnosed:', error);
    tellFailure(failureOf(error), { title: vscode.l10n.t('Open log'), run: () => log.show() });
  }
}

function installable(): NativeEngine[] {
  return NATIVE_ENGINES.filter((engine) => notMadeFor(engine) === null);
}

function tellNoneToInstall(): void {
  tell('info', notMadeFor('tensorflow') ?? vscode.l10n.t('There is no engine to install.'));
}

async function chooseEngine(
  engines: readonly NativeEngine[],
  title: string,
): Promise<NativeEngine | undefined> {
  const rows = engines.map((engine) => ({
    label: engine,
    description: findInManaged(engine, enginesFolder()) ? vscode.l10n.t('installed') : '',
    engine,
  }));
  return (await pickRow(rows, { title }))?.engine;
}

/** Explains the requirements of an engine and asks how to install it. Returns null if the user declines. */
async function consentTo(engine: NativeEngine): Promise<{ readonly allowUnverified: boolean } | null> {
  const wheel = wheelFor(engine);
  if (!wheel || notMadeFor(engine) !== null) {
    tellNoneToInstall();
    return null;
  }
  const prebuilt = prebuiltFor(engine);
  const [first] = sourcesFor(engine, await processorFlags());
  const detail = consentText(wheel, prebuilt, first, enginesFolder()).join('\n\n');
  const install = vscode.l10n.t('Install');
  const unverified = vscode.l10n.t('Allow unverified');
  const question = vscode.l10n.t('Install the engine {0}?', engine);
  const choices = prebuilt ? [install, unverified] : [install];
  const chosen = await chooses('info', question, choices, detail);
  return chosen === undefined ? null : { allowUnverified: chosen === unverified };
}

/** Converts installation steps to percent done. Downloads take most of it. */
function progressOf(engine: NativeEngine): (step: InstallProgress) => number {
  const [wheel, prebuilt] = [wheelFor(engine), prebuiltFor(engine)];
  const received = new Map<string, number>();
  return (step) => {
    if (step.stage === 'check') return 95;
    if (step.stage === 'instead') return 0;
    // The library is nearly all of a prebuilt engine.
    if (step.stage === 'download' && prebuilt?.library.path.endsWith(step.file))
      return 75 * (step.receivedBytes / step.totalBytes);
    if (step.stage === 'download') received.set(step.file, step.receivedBytes);
    const bytes = [...received.values()].reduce((sum, each) => sum + each, 0);
    // For the CPU engine, compilation follows the last byte of the download.
    return wheel ? (step.stage === 'compile' ? 80 : 75) * (bytes / downloadBytes(wheel)) : 0;
  };
}
