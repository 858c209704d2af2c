/** Reads the experiments of studies with what is known on this machine. */
import { dirname } from 'node:path';
import { factsLookup } from '../../datasets/index/store';
import { type AnyParseOptions, parseAnyExperiment } from '../../interop/command/parse';
import { MAX_LENGTH } from '../../interop/import/adapter';
import { textInside } from '../../system/textInside';

/** An experiment file, by its absolute path. */
export interface ExperimentText {
  readonly file: string;
  readonly text: string;
}

/** Reads an experiment with the image facts in the store of `root`, and the files there that its command names. */
export function readIn(root: string, { file, text }: ExperimentText) {
  return parseAnyExperiment(text, file, [], knownIn(root, file));
}

/** Returns what is known in `root` for an experiment file. */
export function knownIn(root: string, file: string): Required<Pick<AnyParseOptions, 'factsOf' | 'readText'>> {
  return {
    factsOf: factsLookup(root, dirname(file)),
    // A UTF-16 code unit takes at most 3 bytes.
    readText: (path) => textInside(path, root, 3 * MAX_LENGTH),
  };
}
