import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import type { Failure } from '../../shared/failure';
import { UserError } from '../../shared/userError';
import { extendStudy } from '../../studies/extending';
import { allowOption, withAllow } from '../dataAccess';
import {
  type CommandContext,
  type FolderOption,
  folderOption,
  type JsonOption,
  rootOf,
  wholeNumber,
} from '../options';
import { confirmStudy, keepStudy } from './after';
import { type BeginOptions, begin } from './begin';
import { type DriveOptions, drive } from './drive';
import { list, type ReportOptions, reportStudy, show, stopStudy } from './looking';
import { assertFile, studyMeant } from './whichStudy';

type LookOptions = FolderOption & JsonOption;

interface ResumeOptions extends FolderOption, DriveOptions {
  readonly moreBlocks?: number;
}

interface ConfirmOptions extends FolderOption, DriveOptions {
  readonly seeds?: number;
}

/** `[study]`, which `studyMeant` reads. */
const studyArgument = () =>
  ['[study]', l10n.t("a study id, an id prefix, a study name, or 'last'; by default the latest")] as const;

export function addStudyCommand(program: Command, { terminal, end }: CommandContext): void {
  const study = program.command('study').description(l10n.t('find out which tricks pay, with intervals'));
  study.addHelpText(
    'after',
    `
${l10n.t('Examples:')}
  tricks study which-tricks-pay.study.yaml
  tricks study fashion-mnist.experiment.yaml --tricks warmup,mixup --budget 16
  tricks study show`,
  );
  withAllow(study.command('run', { isDefault: true }))
    .description(l10n.t('run a study file, or resume its study'))
    .argument('<file>', l10n.t('a study file, or with --tricks an experiment file'))
    .option('--tricks <names>', l10n.t('the tricks to study, separated by commas, instead of a study file'))
    .option('--budget <runs>', l10n.t('with --tricks, how many runs the study may use'), wholeNumber(1))
    .option(
      '--at-once <number>',
      l10n.t('how many runs train at a time, instead of measuring it'),
      wholeNumber(1),
    )
    .option('--dry-run', l10n.t('show what would run, without running it'))
    .option('--no-costs', l10n.t('do not measure what each factor costs'))
    .option('--json', l10n.t('print progress and results as JSON lines'))
    .option(...folderOption())
    // A misspelled command may have arguments of its own. Suggest the right command before complaining about extra
    // arguments.
    .allowExcessArguments()
    .action(async (file: string, options: BeginOptions, { args }: Command) => {
      const commands = study.commands.map((command) => command.name());
      await assertFile(await rootOf(terminal, options), file, commands);
      if (args.length > 1) throw new UserError(excessFailure(args));
      end(await begin(terminal, file, options));
    });
  study
    .command('list')
    .description(l10n.t('list the studies, newest first'))
    .option('--json', l10n.t('print them as JSON'))
    .option(...folderOption())
    .option(...allowOption())
    .action(async (options: LookOptions) =>
      end(await list(terminal, await rootOf(terminal, options), options)),
    );
  study
    .command('show')
    .description(l10n.t('show the results of a study so far, and its runs'))
    .argument(...studyArgument())
    .option('--json', l10n.t('print it as JSON'))
    .option(...folderOption())
    .option(...allowOption())
    .action(async (reference: string | undefined, options: LookOptions) => {
      const root = await rootOf(terminal, options);
      end(await show(terminal, root, await studyMeant(terminal, root, reference), options));
    });
  study
    .command('report')
    .description(l10n.t('print the results of a study as Markdown'))
    .argument(...studyArgument())
    .option('--json', l10n.t('print it as JSON'))
    .option('--svg <file>', l10n.t('also write its forest plot to a file'))
    .option('--force', l10n.t('overwrite an existing file'))
    .option(...folderOption())
    .option(...allowOption())
    .action(async (reference: string | undefined, options: FolderOption & ReportOptions) => {
      const root = await rootOf(terminal, options);
      end(await reportStudy(terminal, root, await studyMeant(terminal, root, reference), options));
    });
  study
    .command('stop')
    .description(l10n.t('stop a study; it can be resumed'))
    .argument(...studyArgument())
    .option('--json', l10n.t('print the stopped study as JSON'))
    .option(...folderOption())
    .option(...allowOption())
    .action(async (reference: string | undefined, options: LookOptions) => {
      const root = await rootOf(terminal, options);
      end(await stopStudy(terminal, root, await studyMeant(terminal, root, reference, 'running'), options));
    });
  study
    .command('resume')
    .description(l10n.t('resume a stopped, failed or interrupted study'))
    .argument(...studyArgument())
    .option(
      '--more-blocks <number>',
      l10n.t('add blocks to its plan; the error rate of its verdicts is then not controlled'),
      wholeNumber(1),
    )
    .option('--no-costs', l10n.t('do not measure what each factor costs'))
    .option('--json', l10n.t('print progress and results as JSON lines'))
    .option(...folderOption())
    .option(...allowOption())
    .action(async (reference: string | undefined, options: ResumeOptions) => {
      const root = await rootOf(terminal, options);
      const { moreBlocks } = options;
      const meant = moreBlocks === undefined ? 'unfinished' : 'original';
      const found = await studyMeant(terminal, root, reference, meant);
      const resumed = moreBlocks === undefined ? found : await extendStudy(root, found.folder, moreBlocks);
      end(await drive(terminal, root, resumed, options));
    });
  study
    .command('confirm')
    .description(l10n.t('train the chosen set against the baseline on fresh seeds'))
    .argument(...studyArgument())
    .option('--seeds <number>', l10n.t('the number of seeds, 4 or more (default 8)'), wholeNumber(4))
    .option('--no-costs', l10n.t('do not measure what each factor costs'))
    .option('--json', l10n.t('print progress and results as JSON lines'))
    .option(...folderOption())
    .option(...allowOption())
    .action(async (reference: string | undefined, options: ConfirmOptions) => {
      const root = await rootOf(terminal, options);
      const found = await studyMeant(terminal, root, reference, 'original');
      end(await confirmStudy(terminal, root, found, options));
    });
  study
    .command('keep')
    .description(l10n.t('write the best predicted set into the experiment file'))
    .argument(...studyArgument())
    .option(...folderOption())
    .option(...allowOption())
    .action(async (reference: string | undefined, options: FolderOption) => {
      const root = await rootOf(terminal, options);
      end(await keepStudy(terminal, root, await studyMeant(terminal, root, reference, 'original')));
    });
}

function excessFailure([, ...more]: readonly string[]): Failure {
  return {
    what: l10n.t('A study takes one file, but there are more arguments: {0}', more.join(' ')),
    remedy: l10n.t('Separate trick names with commas only: {0}', '--tricks warmup,mixup'),
  };
}
