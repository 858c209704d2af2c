/**
 * The command line, `tricks`: what the editor does, without an editor. Exit codes: 0 done, 1 failed, 2 bad
 * input, 130 stopped or paused.
 */
import { join, resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { version } from '../../package.json';
import { NATIVE_ENGINES } from '../engines/installations';
import { SYSTEM_NAMES } from '../interop/export/system';
import { SOURCES } from '../protocol/install';
import { findStore } from '../runs/store';
import { failureOf } from '../system/errors';
import { doctorCommand } from './doctor';
import {
  type InstallOptions,
  installEngineCommand,
  listEnginesCommand,
  removeEngineCommand,
} from './engines';
import { CHECKPOINT_NAMES, type ExportOptions, exportCommand } from './export';
import { InputError } from './input';
import { inspectCommand } from './inspect';
import {
  queueAddCommand,
  queueCancelCommand,
  queueListCommand,
  queueMoveCommand,
  queueStartCommand,
} from './queue';
import { resolveCommand, scheduleCommand } from './recipe';
import { type OverrideOptions, overridesOf, resumeCommand, runCommand } from './run';
import { pauseCommand, runsCommand, showCommand, stopCommand } from './runs';
import { EXIT, type ExitCode, Terminal } from './terminal';

interface StoreOptions {
  readonly folder?: string;
  readonly json?: boolean;
}

/** The bundles stand beside each other. */
const TRAINER_PATH = join(__dirname, 'trainer.js');

const VERSIONS = { bagOfTricks: version, node: process.versions.node };

async function main(argv: readonly string[]): Promise<ExitCode> {
  const terminal = new Terminal();
  let exitCode: ExitCode = EXIT.done;
  const program = createProgram(terminal, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.badInput;
    if (error instanceof InputError) {
      for (const line of error.lines) terminal.note(line);
      return EXIT.badInput;
    }
    terminal.fail(failureOf(error));
    return EXIT.failed;
  }
}

function createProgram(terminal: Terminal, end: (exitCode: ExitCode) => void): Command {
  const program = new Command('tricks')
    .description(l10n.t('Train image classifiers with the tricks of He et al. (2018).'))
    .version(version)
    .exitOverride()
    .showHelpAfterError(l10n.t('For help: tricks --help'))
    .addHelpText(
      'after',
      `
${l10n.t('Examples:')}
  tricks run fashion-mnist.experiment.yaml
  tricks run fashion-mnist.experiment.yaml --seed 2 --set optimizer.base_lr=0.2
  tricks schedule fashion-mnist.experiment.yaml > schedule.csv
  tricks show last`,
    );
  const folderOption = [
    '--folder <dir>',
    l10n.t('the folder that keeps the runs, in .bag-of-tricks'),
  ] as const;
  const experimentArgument = ['<file>', l10n.t('an experiment file, YAML or JSON')] as const;
  const runArgument = ['<run>', l10n.t("a run's id, its beginning, or 'last'")] as const;
  const takesSet = (command: Command) =>
    command.option(
      '--set <key=value>',
      l10n.t('replace a value of the file, such as schedule.epochs=2; may be repeated'),
      (value: string, before: string[] = []) => [...before, value],
    );

  takesSet(program.command('run'))
    .description(l10n.t('train an experiment'))
    .argument(...experimentArgument)
    .option('--engine <name>', l10n.t('replace the engine of the file'))
    .option('--seed <number>', l10n.t('replace the seed of the file'))
    .option('--json', l10n.t('print every event as one line of JSON'))
    .option(...folderOption)
    .action(async (file: string, options: OverrideOptions & StoreOptions) => {
      end(
        await runCommand(terminal, file, {
          overrides: overridesOf(options),
          json: options.json ?? false,
          folder: options.folder,
          trainerPath: TRAINER_PATH,
          versions: VERSIONS,
        }),
      );
    });
  takesSet(program.command('resolve'))
    .description(l10n.t('print the recipe that an experiment leads to, as JSON'))
    .argument(...experimentArgument)
    .action(async (file: string, options: OverrideOptions) => {
      end(await resolveCommand(terminal, file, overridesOf(options)));
    });
  takesSet(program.command('inspect'))
    .description(l10n.t("print a model's layers, counts and parameter groups; needs no data"))
    .argument(...experimentArgument)
    .option('--json', l10n.t('print them as JSON'))
    .action(async (file: string, options: OverrideOptions & StoreOptions) => {
      end(await inspectCommand(terminal, file, overridesOf(options), options.json ?? false));
    });
  takesSet(program.command('schedule'))
    .description(l10n.t('print the learning rate of every step, as CSV'))
    .argument(...experimentArgument)
    .action(async (file: string, options: OverrideOptions) => {
      end(await scheduleCommand(terminal, file, overridesOf(options)));
    });
  program
    .command('runs')
    .description(l10n.t('list the runs, newest first'))
    .option('--json', l10n.t('print them as JSON'))
    .option(...folderOption)
    .action(async (options: StoreOptions) => {
      end(await runsCommand(terminal, await rootOf(options), options.json ?? false));
    });
  program
    .command('show')
    .description(l10n.t('show a run and its epochs'))
    .argument(...runArgument)
    .option('--json', l10n.t('print it as JSON'))
    .option(...folderOption)
    .action(async (run: string, options: StoreOptions) => {
      end(await showCommand(terminal, await rootOf(options), run, options.json ?? false));
    });
  program
    .command('export')
    .description(
      l10n.t("write a run's weights for PyTorch, or print the command that trains its recipe elsewhere"),
    )
    .argument(...runArgument)
    .option('--weights <file>', l10n.t('write its weights to a safetensors file, in the layout of PyTorch'))
    .addOption(
      new Option(
        '--format <name>',
        l10n.t('whose names the weights have; by default those of who has the model'),
      ).choices(SYSTEM_NAMES),
    )
    .addOption(
      new Option('--checkpoint <name>', l10n.t('which weights')).choices(CHECKPOINT_NAMES).default('last'),
    )
    .option('--average', l10n.t("export the weights' moving average, of a run with the trick ema"))
    .option('--force', l10n.t('replace a file that is there already'))
    .addOption(
      new Option(
        '--recipe <name>',
        l10n.t('print the command that trains its recipe with that system'),
      ).choices(SYSTEM_NAMES),
    )
    .option(...folderOption)
    .addHelpText(
      'after',
      `
${l10n.t(
  'ResNet-A and -B have the names of torchvision (and timm), which load_state_dict(strict=True) takes. The bottlenecks of A have their stride in the first 1x1 convolution, those of torchvision in the 3x3, as B. ResNet-C and -D have the names of timm (resnet50c, resnet50d).',
)}

${l10n.t('Examples:')}
  tricks export last --weights resnet18.safetensors
  tricks export last --weights resnet50d.safetensors --format timm --checkpoint best
  tricks export last --recipe timm > train.sh`,
    )
    .action(async (run: string, options: ExportOptions & StoreOptions) => {
      end(await exportCommand(terminal, await rootOf(options), run, options));
    });
  program
    .command('stop')
    .description(l10n.t('stop a run; it can be resumed'))
    .argument(...runArgument)
    .option(...folderOption)
    .action(async (run: string, options: StoreOptions) => {
      end(await stopCommand(terminal, await rootOf(options), run));
    });
  program
    .command('pause')
    .description(l10n.t('stop a run for a while, with a checkpoint'))
    .argument(...runArgument)
    .option(...folderOption)
    .action(async (run: string, options: StoreOptions) => {
      end(await pauseCommand(terminal, await rootOf(options), run));
    });
  program
    .command('resume')
    .description(l10n.t('train a run on that ended before it was done'))
    .argument(...runArgument)
    .option('--json', l10n.t('print every event as one line of JSON'))
    .option(...folderOption)
    .action(async (run: string, options: StoreOptions) => {
      const root = await rootOf(options);
      end(
        await resumeCommand(terminal, root, run, { json: options.json ?? false, trainerPath: TRAINER_PATH }),
      );
    });
  addEngineCommands(program, terminal, end);
  addQueueCommands(program, { terminal, end, takesSet, folderOption, runArgument });
  return program;
}

/** Parts that several commands have in common. */
interface CommandParts {
  readonly terminal: Terminal;
  readonly end: (exitCode: ExitCode) => void;
  readonly takesSet: (command: Command) => Command;
  readonly folderOption: readonly [flags: string, description: string];
  readonly runArgument: readonly [name: string, description: string];
}

function addQueueCommands(program: Command, parts: CommandParts): void {
  const { terminal, end, takesSet, folderOption, runArgument } = parts;
  const queue = program.command('queue').description(l10n.t('work with the runs that wait for their turn'));
  queue
    .command('list', { isDefault: true })
    .description(l10n.t('list them, the next one first'))
    .option('--json', l10n.t('print them as JSON'))
    .option(...folderOption)
    .action(async (options: StoreOptions) => {
      end(await queueListCommand(terminal, await rootOf(options), options.json ?? false));
    });
  takesSet(queue.command('add'))
    .description(l10n.t('add a run of each experiment at the end'))
    .argument('<files...>', l10n.t('experiment files, YAML or JSON'))
    .option(...folderOption)
    .action(async (files: string[], options: OverrideOptions & StoreOptions) => {
      end(await queueAddCommand(terminal, await rootOf(options), files, overridesOf(options), VERSIONS));
    });
  queue
    .command('move')
    .description(l10n.t('put a run at another position'))
    .argument(...runArgument)
    .argument('<position>', l10n.t('from 1, which is the next'))
    .option(...folderOption)
    .action(async (run: string, position: string, options: StoreOptions) => {
      end(await queueMoveCommand(terminal, await rootOf(options), run, position));
    });
  queue
    .command('cancel')
    .description(l10n.t('take a run out'))
    .argument(...runArgument)
    .option(...folderOption)
    .action(async (run: string, options: StoreOptions) => {
      end(await queueCancelCommand(terminal, await rootOf(options), run));
    });
  queue
    .command('start')
    .description(l10n.t('train them in turn, until none waits'))
    .option('--at-once <number>', l10n.t('how many train at the same time'), wholeNumber(1), 1)
    .option(
      '--retries <number>',
      l10n.t('how often a run whose trainer crashed is tried again'),
      wholeNumber(0),
      1,
    )
    .option(...folderOption)
    .action(async (options: StoreOptions & { atOnce: number; retries: number }) => {
      const { atOnce, retries } = options;
      const root = await rootOf(options);
      end(await queueStartCommand(terminal, root, { atOnce, retries, trainerPath: TRAINER_PATH }));
    });
}

function addEngineCommands(program: Command, terminal: Terminal, end: (exitCode: ExitCode) => void): void {
  program
    .command('doctor')
    .description(l10n.t('say what there is to train on, what is amiss, and what would be faster'))
    .option('--json', l10n.t('print it as JSON'))
    .action(async (options: StoreOptions) => end(await doctorCommand(terminal, options.json ?? false)));
  const engine = program
    .command('engine')
    .description(l10n.t('install or remove what makes training faster'));
  const nameArgument = ['<name>', l10n.t('an engine: {0}', NATIVE_ENGINES.join(', '))] as const;
  engine
    .command('list')
    .description(l10n.t('list the engines that can be installed, and where they are'))
    .option('--json', l10n.t('print them as JSON'))
    .action(async (options: StoreOptions) => end(await listEnginesCommand(terminal, options.json ?? false)));
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
    .action(async (name: string, options: InstallOptions) => {
      end(await installEngineCommand(terminal, name, options));
    });
  engine
    .command('remove')
    .description(l10n.t('remove an engine that was installed'))
    .argument(...nameArgument)
    .action(async (name: string) => end(await removeEngineCommand(terminal, name)));
}

/** Reads an option's number, a whole one from `least` on. */
function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (text.trim() !== '' && Number.isSafeInteger(number) && number >= least) return number;
    throw new InvalidArgumentError(l10n.t('It has to be a whole number from {0}.', least));
  };
}

async function rootOf({ folder }: StoreOptions): Promise<string> {
  return folder === undefined ? findStore(process.cwd()) : resolve(folder);
}

void main(process.argv.slice(2)).then((exitCode) => {
  process.exitCode = exitCode;
});
