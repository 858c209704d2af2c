import * as l10n from '@vscode/l10n';
import { type Command, Option } from 'commander';
import type { Classified } from '../../protocol/predictor';
import { csvText } from '../../shared/csv';
import { formatPercent } from '../../shared/format';
import { UserError } from '../../shared/userError';
import { allowOption } from '../dataAccess';
import { imagePaths } from '../imagePaths';
import {
  type CommandContext,
  type FolderOption,
  folderOption,
  type JsonOption,
  rootOf,
  runArgument,
  wholeNumber,
} from '../options';
import { readableRun, startPredictor, type WeightsOptions, withWeights } from '../predicting';
import { table } from '../table';
import { EXIT, type ExitCode, paint, type Terminal } from '../terminal';

type PredictOptions = WeightsOptions &
  FolderOption &
  JsonOption & {
    /** Number of classes to print per image. */
    readonly top: number;
    readonly csv?: boolean;
  };

export function addPredictCommand(program: Command, { terminal, end }: CommandContext): void {
  withWeights(program.command('predict'))
    .description(l10n.t('classify images with a trained run'))
    .argument(...runArgument())
    .argument('<path...>', l10n.t('image files, or folders of them'))
    .option('--top <number>', l10n.t('how many classes to print per image'), wholeNumber(1), 5)
    .addOption(new Option('--json', l10n.t('print them as JSON')).conflicts('csv'))
    .option('--csv', l10n.t('print them as CSV, one line per class of each image'))
    .option(...folderOption())
    .option(...allowOption())
    .addHelpText(
      'after',
      `
${l10n.t(
  "Each image is preprocessed like the run's validation images, whatever its size. Images that cannot be read are listed on standard error, and the exit code is 1.",
)}

${l10n.t('Examples:')}
  tricks predict last photo.jpg
  tricks predict last photos --top 1 --csv > classes.csv`,
    )
    .action(async (reference: string, paths: string[], options: PredictOptions) => {
      end(await predict(terminal, await rootOf(terminal, options), reference, paths, options));
    });
}

/** Prints the predicted classes of images. */
async function predict(
  terminal: Terminal,
  root: string,
  reference: string,
  paths: readonly string[],
  options: PredictOptions,
): Promise<ExitCode> {
  const run = await readableRun(root, reference);
  const { paths: images, problems } = await imagePaths(paths);
  for (const { what } of problems) terminal.note(what);
  const output = outputFor(terminal, options);
  // An unreadable folder counts as a failure, because its images are unknown.
  let failed = problems.filter(({ kind }) => kind === 'no_permission').length;
  try {
    const { predictor } = await startPredictor(run, options);
    try {
      await predictor.classify(images, options.top, (result) => {
        if (!result.ok) {
          failed++;
          terminal.fail(result.failure);
        }
        output.show(result);
      });
    } finally {
      predictor.close();
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    terminal.fail(error.failure);
    return EXIT.failed;
  }
  output.end();
  return failed === 0 ? EXIT.done : EXIT.failed;
}

/** Prints results as they arrive, or all of them at the end. */
interface Output {
  show(result: Classified): void;
  end(): void;
}

function outputFor(terminal: Terminal, { json = false, csv = false }: PredictOptions): Output {
  if (json) return jsonOutput(terminal);
  return csv ? csvOutput(terminal) : textOutput(terminal);
}

function textOutput(terminal: Terminal): Output {
  return {
    show: (result) => {
      if (!result.ok) return;
      terminal.print(paint('bold', result.path));
      const rows = result.classes.map((each) => [each.class, formatPercent(each.probability)]);
      for (const line of table(rows, [1])) terminal.print(`  ${line}`);
    },
    end: () => {},
  };
}

function csvOutput(terminal: Terminal): Output {
  const print = (rows: readonly (readonly (string | number)[])[]) => {
    if (rows.length > 0) terminal.printText(csvText(rows).trimEnd());
  };
  print([['path', 'rank', 'class', 'probability']]);
  return {
    show: (result) => {
      if (!result.ok) return;
      print(result.classes.map((each, index) => [result.path, index + 1, each.class, each.probability]));
    },
    end: () => {},
  };
}

function jsonOutput(terminal: Terminal): Output {
  const results: object[] = [];
  return {
    show: (result) => {
      results.push(
        result.ok
          ? { path: result.path, classes: result.classes }
          : { path: result.path, error: result.failure },
      );
    },
    end: () => terminal.printJson(results, 2),
  };
}
