import { dirname, resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { imagesKey } from '../../datasets/index/store';
import { countLooks, recordLook } from '../../datasets/testLooks';
import type { TestResult } from '../../protocol/predictor';
import { isOwnDataset, type OwnDatasetRequest } from '../../recipe/datasets';
import { networkRun } from '../../runs/networkRun';
import type { ReadableEntry } from '../../runs/store';
import { formatAccuracy, formatCount } from '../../shared/format';
import { UserError } from '../../shared/userError';
import { wilsonInterval } from '../../study/statistics';
import { allowOption } from '../dataAccess';
import {
  type CommandContext,
  type FolderOption,
  folderOption,
  type JsonOption,
  rootOf,
  runArgument,
} from '../options';
import { readableRun, startPredictor, type WeightsOptions, withWeights } from '../predicting';
import { table } from '../table';
import { EXIT, type ExitCode, paint, type Terminal } from '../terminal';

type TestOptions = WeightsOptions & FolderOption & JsonOption;

export function addTestCommand(program: Command, { terminal, end }: CommandContext): void {
  withWeights(program.command('test'))
    .description(l10n.t("evaluate a run on its data set's test images, and count the evaluation"))
    .argument(...runArgument())
    .option('--json', l10n.t('print it as JSON'))
    .option(...folderOption())
    .option(...allowOption())
    .addHelpText(
      'after',
      `
${l10n.t(
  'Use test images only for the final evaluation. If you evaluate on them often and keep the best result, you select on the test images and the accuracy is too high. For this reason evaluations are counted, and training, validation and the choice of the best epoch never use test images.',
)}`,
    )
    .action(async (reference: string, options: TestOptions) => {
      end(await test(terminal, await rootOf(terminal, options), reference, options));
    });
}

/** Prints a run's accuracy on the test images, which played no part in any choice. */
async function test(
  terminal: Terminal,
  root: string,
  reference: string,
  options: TestOptions,
): Promise<ExitCode> {
  const run = networkRun(await readableRun(root, reference));
  const { source } = run.manifest.recipe.data;
  if (!isOwnDataset(source)) {
    throw new UserError({
      what: l10n.t('The data set {0} has no separate test images.', source.dataset),
      remedy: l10n.t(
        'Use a data set with a test split, such as a folder of images with train, val and test.',
      ),
    });
  }
  let result: TestResult;
  try {
    const { predictor } = await startPredictor(run, options);
    try {
      result = await predictor.test(({ what }) => terminal.note(`${what}...`));
    } finally {
      predictor.close();
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    terminal.fail(error.failure);
    return EXIT.failed;
  }
  // Count the look before anyone sees the result.
  const looks = await countLook(root, run, source);
  const { images, correct } = result;
  const { low, high } = wilsonInterval(correct, images);
  if (options.json) {
    terminal.printJson({ run: run.id, ...result, interval95: [low, high], looks }, 2);
    return EXIT.done;
  }
  terminal.print(
    paint(
      'bold',
      l10n.t(
        'Test accuracy {0} (95% interval {1} to {2}), {3} of {4} images',
        formatAccuracy(result.accuracy, images),
        formatAccuracy(low, images),
        formatAccuracy(high, images),
        formatCount(correct),
        formatCount(images),
      ),
    ),
  );
  for (const line of table(rowsOf(result), [1])) terminal.print(line);
  terminal.print(l10n.t('This is evaluation {0} on the test images of this data set.', looks));
  return EXIT.done;
}

function rowsOf({ images, top5, macroF1, balancedAccuracy, loss }: TestResult): string[][] {
  return [
    ...(top5 === null ? [] : [[l10n.t('Top-5 accuracy'), formatAccuracy(top5, images)]]),
    [l10n.t('Macro F1'), formatAccuracy(macroF1, images)],
    [l10n.t('Balanced accuracy'), formatAccuracy(balancedAccuracy, images)],
    [l10n.t('Loss'), loss.toFixed(4)],
  ];
}

/**
 * Records a look at the test images and returns its number. A different split of the other images does not change the
 * test images.
 */
export async function countLook(
  root: string,
  { id, manifest }: ReadableEntry,
  source: OwnDatasetRequest,
): Promise<number> {
  const key = imagesKey(source, resolve(root, dirname(manifest.experiment.file)));
  await recordLook(root, key, { runId: id, time: Date.now() });
  return countLooks(root, key);
}
