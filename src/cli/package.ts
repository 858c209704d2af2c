import { join } from 'node:path';
import { version } from '../../package.json';

export { version };

/** The trainer's bundle, which lies beside the command line's. */
export const TRAINER_PATH = join(__dirname, 'trainer.js');

/** The bundle of the program that asks a trained run about images. */
export const PREDICTOR_PATH = join(__dirname, 'predictor.js');

/** What a run's manifest says of the programs that made it, by name. */
export const VERSIONS = { bagOfTricks: version, node: process.versions.node };
