import { applyEdits } from '../../src/experiment/text/textEdits';
import { type ForeignFits, foreignFits } from '../../src/insight/foreignFits';
import type { TrickFit } from '../../src/insight/trickFit';
import type { ReadText } from '../../src/interop/import/adapter';
import { NO_FILES } from '../../src/interop/import/adapters';

/** Returns the tricks for another system's file as the editor sees them. */

export function fitsOf(text: string, fileName: string, readText: ReadText = NO_FILES): ForeignFits {
  const found = foreignFits(text, fileName, readText);
  if (!found) throw new Error(`${fileName} is not understood`);
  return found;
}

/** Returns how a trick fits a file, or undefined if it is not offered. */
export function fitOf(text: string, fileName: string, name: string): TrickFit | undefined {
  return fitsOf(text, fileName).fits.find(({ trick }) => trick.name === name);
}

/** Returns whether a trick is on, or the reason if that is unknown. Returns 'none' if the trick is not offered. */
export function standing(text: string, fileName: string, name: string): boolean | string {
  const fit = fitOf(text, fileName, name);
  return fit ? (fit.unknown ?? fit.isIn) : 'none';
}

/** Returns the text after a click on a trick's lens, or the reason if the click is refused. */
export function clicked([fileName, text]: readonly [string, string], name: string): string {
  const fit = fitOf(text, fileName, name);
  if (!fit) throw new Error(`${name} has no lens`);
  const result = fit.toggle();
  return result.ok ? applyEdits(text, result.edits) : result.reason;
}

/** Returns the lines that are in only one of two texts, marked with + and -. */
export function difference(before: string, after: string): string[] {
  const [a, b] = [before.split('\n'), after.split('\n')];
  return [
    ...a.filter((line) => !b.includes(line)).map((line) => `- ${line}`),
    ...b.filter((line) => !a.includes(line)).map((line) => `+ ${line}`),
  ];
}
