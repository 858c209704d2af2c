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
import { UserError } from '../../shared/userError';
import type { CommandContext, JsonOption } from '../options';
import { type Bar, type Bars, EXIT, type ExitCode, type Terminal } from '../terminal';

interface InstallOptions {
  /** Whether to install again what is there and works. */
  readonly again?: boolean;
  /** Whether to tell of it by events, one a line. */
  readonly json?: boolean;
  /** Whether to install tensorflow-gpu also where there is no GPU that it computes on. */
  readonly withoutGpu?: boolean;
  /** Whether to take files as well that have no published hash. */
  readonly allowUnverified?: boolean;
  /** Where to take it from; by default whichever of its ways leads somewhere first. */
  readonly from?: Source;
}

export function addEngineCommand(program: Command, { terminal, end }: CommandContext): void {
  const engine = program
    .command('engine')
    .description(l10n.t('install or remove the engines that make training faster'));
  const nameArgument = ['<name>', l10n.t('an engine: {0}', NATIVE_ENGINES.join(', '))] as const;
  engine
    .command('list')
    .description(l10n.t('list the engines that can be installed, and where they are'))
    .option('--json', l10n.t('print them as JSON'))
    .action((options: JsonOption) => end(list(terminal, options)));
  engine
    .command('install')
    .description(l10n.t('download an engine and put it in place'))
    .argument(...nameArgument)
    .addOption(
      new Option(
        '--from <source>',
        l10n.t('take what is prebuilt, or build it from the wheel; by default the first that can be had'),
      ).choices(SOURCES),
    )
    .option('--again', l10n.t('install it again where it is and works'))
    .option('--json', l10n.t('print events, one JSON object a line'))
    .option('--without-gpu', l10n.t('install tensorflow-gpu also where there is no GPU for it'))
    .option(
      ALLOW_UNVERIFIED,
      l10n.t('take what is prebuilt as well, whose addon has no published hash and cannot be verified'),
    )
    .action(async (name: string, options: InstallOptions) => end(await install(terminal, name, options)));
  engine
    .command('remove')
    .description(l10n.t('remove an engine that was installed'))
    .argument(...nameArgument)
    .action(async (name: string) => end(await remove(terminal, name)));
}

/** Installs an engine; an interrupt leaves things as they were. */
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
  const progress = json
    ? eventProgress(printEvent)
    : terminal.isInteractive
      ? barProgress(terminal)
      : lineProgress(terminal);
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

/** Lists the engines that can be installed, and where they are. */
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
            // CUDA's dozen make no line; --json has them.
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
    what: l10n.t('{0} is not an engine to install.', name),
    remedy: l10n.t('Choose one of {0}.', NATIVE_ENGINES.join(', ')),
  });
}

interface Progress {
  readonly show: (progress: InstallProgress) => void;
  readonly end: () => void;
}

/** An event for each stage, and for each hundredth of a file. */
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

/** A line for each file and each stage. */
function lineProgress(terminal: Terminal): Progress {
  let last = '';
  const show = (progress: InstallProgress) => {
    const line = progressText(progress);
    if (line !== last) terminal.print(`${line}...`);
    last = line;
  };
  return { show, end: () => {} };
}

/** A bar for each file, and a line for each other stage. */
function barProgress(terminal: Terminal): Progress {
  let file = '';
  let bars: Bars | null = null;
  let bar: Bar | null = null;
  const end = () => {
    bars?.end();
    bars = null;
    bar = null;
    file = '';
  };
  const show = (progress: InstallProgress) => {
    if (progress.stage !== 'download') {
      end();
      terminal.print(`${progressText(progress)}...`);
      return;
    }
    if (progress.file !== file) {
      end();
      file = progress.file;
      bars = terminal.bars({ format: '{bar} {percentage}% {file}', barsize: 30 });
      bar = bars.start(progress.totalBytes, { file });
    }
    bar?.update(progress.receivedBytes, { file });
  };
  return { show, end };
}
