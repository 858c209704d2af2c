import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { diagnose } from '../../engines/doctor';
import { linesOf } from '../../engines/doctorText';
import type { CommandContext, JsonOption } from '../options';
import { EXIT, type ExitCode, type Terminal } from '../terminal';

export function addDoctorCommand(program: Command, { terminal, end }: CommandContext): void {
  program
    .command('doctor')
    .description(l10n.t('diagnose the engines on this machine'))
    .option('--json', l10n.t('print it as JSON'))
    .action(async (options: JsonOption) => end(await doctor(terminal, options)));
}

/** Diagnoses the engines on this machine. */
async function doctor(terminal: Terminal, { json = false }: JsonOption): Promise<ExitCode> {
  const diagnosis = await diagnose();
  if (json) terminal.printJson(diagnosis, 2);
  else for (const line of linesOf(diagnosis)) terminal.print(line);
  return EXIT.done;
}
