/** A worker thread that scans images in shared arrays, one range per message. */
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../shared/failure';
import { UserError } from '../../shared/userError';
import { failureOf, isSystemError } from '../../system/errors';
import { lookAtRange } from './looker';
import type { FromLooker, LookerData, LookerTask } from './lookerMessages';

const { splits } = workerData as LookerData;

parentPort?.on('message', ({ from, to }: LookerTask) => {
  void lookAtRange(splits, from, to)
    .then((outcome): FromLooker => ({ type: 'done', ...outcome }))
    .catch((error: unknown): FromLooker => {
      const isForPerson = error instanceof UserError || isSystemError(error, 'EMFILE', 'ENFILE');
      return isForPerson
        ? { type: 'refused', failure: failureOf(error) }
        : {
            type: 'failed',
            message: error instanceof Error ? (error.stack ?? messageOf(error)) : messageOf(error),
          };
    })
    .then((answer) => parentPort?.postMessage(answer));
});
