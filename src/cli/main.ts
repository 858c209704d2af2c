/**
 * The command line, `tricks`: the features of the editor without an editor. Exit codes: 0 done, 1 failed, 2 bad input,
 * 130 stopped or paused.
 */
import { availableParallelism } from 'node:os';
import * as l10n from '@vscode/l10n';
import { Command, CommanderError } from 'commander';
import { UserError } from '../shared/userError';
import { failureOf } from '../system/errors';
import { addAllowCommand } from './commands/allow';
import { addDataCommand } from './commands/data';
import { addDoctorCommand } from './commands/doctor';
import { addEngineCommand } from './commands/engine';
import { addExportCommand } from './commands/export';
import { addInspectCommand } from './commands/inspect';
import { addLrFindCommand } from './commands/lrFind';
import { addNewCommand } from './commands/new';
import { addPauseCommand } from './commands/pause';
import { addPredictCommand } from './commands/predict';
import { addQueueCommand } from './commands/queue';
import { addResolveCommand } from './commands/resolve';
import { addResumeCommand } from './commands/resume';
import { addRunCommand } from './commands/run';
import { addRunsCommand } from './commands/runs';
import { addScheduleCommand } from './commands/schedule';
import { addShowCommand } from './commands/show';
import { addStopCommand } from './commands/stop';
import { addTestCommand } from './commands/test';
import type { CommandContext } from './options';
import { version } from './package';
import { addStudyCommand } from './study/command';
import { EXIT, type ExitCode, Interrupted, Terminal } from './terminal';
import { addTuneCommand } from './tune/tune';
import { printedCommands } from './typed/printedCommands';
import { addRenameCommand } from './upkeep/rename';
import { addRmCommand } from './upkeep/rm';
import { addTrashCommand } from './upkeep/trash';

/** In the order of the help. */
const COMMANDS: readonly ((program: Command, context: CommandContext) => void)[] = [
  addNewCommand,
  addRunCommand,
  addResolveCommand,
  addInspectCommand,
  addScheduleCommand,
  addLrFindCommand,
  addTuneCommand,
  addDataCommand,
  addAllowCommand,
  addRunsCommand,
  addShowCommand,
  addTestCommand,
  addPredictCommand,
  addExportCommand,
  addStopCommand,
  addPauseCommand,
  addResumeCommand,
  addRenameCommand,
  addRmCommand,
  addTrashCommand,
  addDoctorCommand,
  addEngineCommand,
  addQueueCommand,
  addStudyCommand,
];

async function main(argv: readonly string[]): Promise<ExitCode> {
  const names = () => program.commands.map((command) => command.name());
  const terminal = new Terminal({ typed: printedCommands(names) });
  let exitCode: ExitCode = EXIT.done;
  const end = (code: ExitCode) => {
    exitCode = code;
  };
  const program = createProgram(terminal);
  for (const addCommand of COMMANDS) addCommand(program, { terminal, end });
  pointToHelp(program, 'tricks');
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.badInput;
    // Commands report their own failures. They only let a UserError through if it is about the input.
    if (error instanceof UserError) {
      terminal.fail(error.failure);
      return EXIT.badInput;
    }
    if (error instanceof Interrupted) return EXIT.stopped;
    terminal.fail(failureOf(error));
    return EXIT.failed;
  }
}

function createProgram(terminal: Terminal): Command {
  return new Command('tricks')
    .description(l10n.t('Train image classifiers with the tricks of He et al. (2018).'))
    .version(version)
    .configureOutput({
      writeOut: (text) => terminal.printHelp(text),
      writeErr: (text) => terminal.noteUsage(text),
      // The error quotes the input, so only the parser's advice may start a new line.
      outputError: (text) => {
        const [, error = text, advice = ''] = /^(.*?)(\n\(Did you mean [^\n]*\?\))?\n?$/s.exec(text) ?? [];
        for (const line of [error, advice.trim()]) if (line !== '') terminal.note(line);
      },
    })
    .exitOverride()
    .addHelpText(
      'after',
      `
${l10n.t('Examples:')}
  tricks run fashion-mnist.experiment.yaml
  tricks run fashion-mnist.experiment.yaml --seed 2 --set optimizer.base_lr=0.2
  tricks schedule fashion-mnist.experiment.yaml > schedule.csv
  tricks show last`,
    );
}

/** Points a user who mistypes a command to the help of that command. */
function pointToHelp(command: Command, name: string): void {
  command.showHelpAfterError(l10n.t('For help: {0}', `${name} --help`));
  for (const each of command.commands) pointToHelp(each, `${name} ${each.name()}`);
}

// libuv threads decode the images, and they start on first use. Use one per core, at least four.
process.env.UV_THREADPOOL_SIZE ||= `${Math.max(4, availableParallelism())}`;

void main(process.argv.slice(2)).then((exitCode) => {
  process.exitCode = exitCode;
});
