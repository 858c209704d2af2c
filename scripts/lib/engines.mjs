// @ts-check
// Where the project's own tests and benchmarks have the engines that are not in the package: in the repository, so that
// what a person has installed for themselves changes nothing.
import { join } from 'node:path';
import { root } from './processes.mjs';

export const enginesEnvironment = {
  BAG_OF_TRICKS_ENGINES: join(root, '.cache/engines'),
};
