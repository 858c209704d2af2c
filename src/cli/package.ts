import { join } from 'node:path';
import { version } from '../../package.json';

export { version };

/** The trainer's bundle, next to the bundle of the command line. */
export const TRAINER_PATH = join(__dirname, 'trainer.js');

/** The bundle of the predictor process, which classifies images with a trained run. */
export const PREDICTOR_PATH = join(__dirname, 'predictor.js');

/** The example experiments that ship with the package. */
export const EXAMPLES_PATH = join(__dirname, '../examples');

/** Program versions for a run's manifest, by name. */
export const VERSIONS = { bagOfTricks: version, node: process.versions.node };
