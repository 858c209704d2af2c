// @ts-check
// Where the project's own tests and benchmarks have the engines that are not in the package.
import { join } from 'node:path';
import { root } from './processes.mjs';

export const enginesEnvironment = {
  BAG_OF_TRICKS_ENGINES: process.env.BAG_OF_TRICKS_ENGINES || join(root, '.cache/engines'),
};
