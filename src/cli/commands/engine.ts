import * as l10n from '@vscode/l10n';
import { type Command, Option } from 'commander';
import { installEngine } from '../../engines/install/install';
import { ALLOW_UNVERIFIED } from '../../engines/install/method';
import { progressText } from '../../engines/install/progressText';
import { removeEngine } from '../../engines/install/remove';
import {
  enginesFolder,
  findInstallations,
  NATIVE_ENGINES,
  type NativeEngine,
} from '../../engines/installations';
import { type InstallEvent, type InstallProgress, SOURCES, type Source } from '../../protocol/install';
import { formatProgress } from '../../shared/format';
import { UserError } from '../../shared/userError';
import { progressLine } from '../drawing/progressLine';
import type { CommandContext, JsonOption } from '../options';
import { EXIT, type ExitCode, type StatusLine, type Terminal } from '../terminal';

interface InstallOptions {
  /** Whether to reinstall an engine that is installed and works. */
  readonly again?: boolean;
  /** Whether to report progress as JSON events, one per line. */
  readonly json?: boolean;
  /** Whether to install tensorflow-gpu even if there is no GPU that it can compute on. */
  readonly withoutGpu?: boolean;
  /** Whether to accept files without a published hash. */
  readonly allowUnverified?: boolean;
  /** Where to install from. By default, the first source that works. */
  readonly from?: Source;
}

export function addEngineCommand(program: Command, { terminal, end }: CommandContext): void {
  const engine = program
    .command('engine')
    .description(l10n.t('install or remove the engines that speed up training'));
  const nameArgument = ['<name>', l10n.t('an engine: {0}', NATIVE_ENGINES.join(', '))] as const;
  engine
    .command('list')
    .description(l10n.t('list the installable engines, and where they are installed'))
    .option('--json', l10n.t('print them as JSON'))
    .action((options: JsonOption) => end(list(terminal, options)));
  engine
    .command('install')
    .description(l10n.t('download and install an engine'))
    .argument(...nameArgument)
    .addOption(
      new Option(
        '--from <source>',
        l10n.t('use the prebuilt addon, or build it from the wheel; by default the first that is available'),
      ).choices(SOURCES),
    )
    .option('--again', l10n.t('reinstall it even if it works'))
    .option('--json', l10n.t('print events, one JSON object per line'))
    .option('--without-gpu', l10n.t('install tensorflow-gpu even if there is no GPU for it'))
    .option(
      ALLOW_UNVERIFIED,
      l10n.t('also allow the prebuilt addon, which has no published hash and cannot be verified'),
    )
    .action(async (name: string, options: InstallOptions) => end(await install(terminal, name, options)));
  engine
    .command('remove')
    .description(l10n.t('remove an installed engine'))
    .argument(...nameArgument)
    .action(async (name: string) => end(await remove(terminal, name)));
}

/** Installs an engine. An interrupt leaves everything unchanged. */
async function install(
  terminal: Terminal,
  name: string,
  { again = false, json = false, withoutGpu = false, allowUnverified = false, from }: InstallOptions,
): Promise<ExitCode> {
  const engine = nativeEngine(name);
  const interrupt = new AbortController();
  const stop = () => interrupt.abort();
  process.on('SIGINT', stop).on('SIGTERM', stop);
  const printEvent = (event: InstallEvent) => terminal.printJson(event);
  const progress = json ? eventProgress(printEvent) : progressOf(terminal);
  try {
    const folder = await installEngine(engine, {
      again,
      from,
      withoutGpu,
      allowUnverified,
      signal: interrupt.signal,
      onProgress: progress.show,
    });
    progress.end();
    if (json) printEvent({ stage: 'done', folder });
    else terminal.print(l10n.t('{0} is installed in {1}.', engine, folder));
    return EXIT.done;
  } catch (error) {
    progress.end();
    if (interrupt.signal.aborted) {
      if (!json) terminal.note(l10n.t('Nothing was installed.'));
      return EXIT.stopped;
    }
    if (!(error instanceof UserError)) throw error;
    if (json) printEvent({ stage: 'failed', ...error.failure });
    else terminal.fail(error.failure);
    return EXIT.failed;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

async function remove(terminal: Terminal, name: string): Promise<ExitCode> {
  const engine = nativeEngine(name);
  const existed = await removeEngine(engine);
  terminal.print(
    existed
      ? l10n.t('Removed {0}.', engine)
      : l10n.t('{0} is not installed in {1}.', engine, enginesFolder()),
  );
  return EXIT.done;
}

/** Lists the installable engines and where they are installed. */
function list(terminal: Terminal, { json = false }: JsonOption): ExitCode {
  const found = NATIVE_ENGINES.map((engine) => ({ engine, installations: findInstallations(engine) }));
  if (json) {
    terminal.printJson(found, 2);
    return EXIT.done;
  }
  const rows = found.flatMap(({ engine, installations }) =>
    installations.length === 0
      ? [[engine, l10n.t('not installed'), '']]
      : installations.map(({ versions, folder }) => [
          engine,
          Object.entries(versions)
            // Skip the dozen CUDA packages here. `--json` lists them.
            .filter(([component]) => !component.startsWith('nvidia-'))
            .map((version) => version.join(' '))
            .join(', '),
          folder,
        ]),
  );
  terminal.printTable([l10n.t('ENGINE'), l10n.t('VERSION'), l10n.t('FOLDER')], rows, []);
  return EXIT.done;
}

function nativeEngine(name: string): NativeEngine {
  const engine = NATIVE_ENGINES.find((each) => each === name);
  if (engine) return engine;
  throw new UserError({
    what: l10n.t('{0} is not an installable engine.', name),
    remedy: l10n.t('Choose one of {0}.', NATIVE_ENGINES.join(', ')),
  });
}

interface Progress {
  readonly show: (progress: InstallProgress) => void;
  readonly end: () => void;
}

function progressOf(terminal: Terminal): Progress {
  const bar = terminal.isInteractive ? terminal.statusLine() : null;
  return bar ? barProgress(terminal, bar) : lineProgress(terminal);
}

/** Prints one event per stage, and one per percent of each download. */
function eventProgress(print: (event: InstallEvent) => void): Progress {
  let last = '';
  const show = (progress: InstallProgress) => {
    const isDownload = progress.stage === 'download';
    const hundredth = isDownload ? Math.floor((100 * progress.receivedBytes) / progress.totalBytes) : 0;
    const seen = isDownload ? `${progress.file} ${hundredth}` : progress.stage;
    if (seen !== last) print(progress);
    last = seen;
  };
  return { show, end: () => {} };
}

/** Prints one line per file and per stage. */
function lineProgress(terminal: Terminal): Progress {
  let last = '';
  const show = (progress: InstallProgress) => {
    const line = progressText(progress);
    if (line !== last) terminal.print(`${line}...`);
    last = line;
  };
  return { show, end: () => {} };
}

/** Draws a bar for the current download and prints one line for every other stage. */
function barProgress(terminal: Terminal, bar: StatusLine): Progress {
  const show = (progress: InstallProgress) => {
    if (progress.stage !== 'download') {
      terminal.print(`${progressText(progress)}...`);
      return;
    }
    const share = progress.totalBytes === 0 ? 1 : progress.receivedBytes / progress.totalBytes;
    const fields = [
      { text: formatProgress(share), rank: 0 },
      { text: progress.file, rank: 1 },
    ];
    bar.show(progressLine(bar.columns, share, fields));
  };
  return { show, end: () => bar.clear() };
}
