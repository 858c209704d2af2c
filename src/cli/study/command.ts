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
  [
    '[study]',
    l10n.t("a study's id, its beginning, its name, or 'last'; without it the latest is meant"),
  ] as const;

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
    .description(l10n.t('run a study file, or go on with it'))
    .argument('<file>', l10n.t('a study file, or with --tricks an experiment file'))
    .option(
      '--tricks <names>',
      l10n.t('the tricks in question, with commas between, in place of a study file'),
    )
    .option('--budget <runs>', l10n.t('with --tricks, how many runs the study may take'), wholeNumber(1))
    .option(
      '--at-once <number>',
      l10n.t('how many runs train at a time, in place of measuring it'),
      wholeNumber(1),
    )
    .option('--dry-run', l10n.t('say what would run, and run nothing'))
    .option('--no-costs', l10n.t('leave out measuring what each factor costs'))
    .option('--json', l10n.t('print progress and results as lines of JSON'))
    .option(...folderOption())
    // A misspelt command has arguments of its own: what it is taken for is said before that they are too many.
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
    .description(l10n.t('show what a study says by now, and its runs'))
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
    .description(l10n.t('print what a study says as Markdown'))
    .argument(...studyArgument())
    .option('--json', l10n.t('print it as JSON'))
    .option('--svg <file>', l10n.t('write its forest plot to a file too'))
    .option('--force', l10n.t('replace a file that is there already'))
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
    .option('--json', l10n.t('print which was stopped as JSON'))
    .option(...folderOption())
    .option(...allowOption())
    .action(async (reference: string | undefined, options: LookOptions) => {
      const root = await rootOf(terminal, options);
      end(await stopStudy(terminal, await studyMeant(terminal, root, reference, 'running'), options));
    });
  study
    .command('resume')
    .description(l10n.t('go on with a study that was stopped, failed or interrupted'))
    .argument(...studyArgument())
    .option(
      '--more-blocks <number>',
      l10n.t('add blocks to its plan; the error of its verdicts is not controlled then'),
      wholeNumber(1),
    )
    .option('--no-costs', l10n.t('leave out measuring what each factor costs'))
    .option('--json', l10n.t('print progress and results as lines of JSON'))
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
    .option('--seeds <number>', l10n.t('how many seeds, 4 or more (8 where left out)'), wholeNumber(4))
    .option('--no-costs', l10n.t('leave out measuring what each factor costs'))
    .option('--json', l10n.t('print progress and results as lines of JSON'))
    .option(...folderOption())
    .option(...allowOption())
    .action(async (reference: string | undefined, options: ConfirmOptions) => {
      const root = await rootOf(terminal, options);
      const found = await studyMeant(terminal, root, reference, 'original');
      end(await confirmStudy(terminal, root, found, options));
    });
  study
    .command('keep')
    .description(l10n.t('rewrite the experiment file to the best predicted set'))
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
    what: l10n.t('A study has one file, and there is more: {0}', more.join(' ')),
    remedy: l10n.t('Separate the names of tricks by commas alone: {0}', '--tricks warmup,mixup'),
  };
}
