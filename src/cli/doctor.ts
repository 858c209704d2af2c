import { diagnose } from '../engines/doctor';
import { linesOf } from '../engines/doctorText';
import { EXIT, type ExitCode, type Terminal } from './terminal';

/** `tricks doctor`: what there is to train on, what is amiss with it, and what would be faster. */
export async function doctorCommand(terminal: Terminal, json: boolean): Promise<ExitCode> {
  const diagnosis = await diagnose();
  if (json) terminal.print(JSON.stringify(diagnosis, null, 2));
  else for (const line of linesOf(diagnosis)) terminal.print(line);
  return EXIT.done;
}
