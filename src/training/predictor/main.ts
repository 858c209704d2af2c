/**
 * The predictor, a separate process: `node dist/predictor.js <run folder> <weights> [engine]` loads weights of a run,
 * one of `WEIGHTS_CHOICES`. It answers requests (`ToPredictor`) over its process's channel, one at a time, until the
 * channel closes.
 */

import * as l10n from '@vscode/l10n';
import type { Engine } from '../../backends/backend';
import { loadEngine } from '../../backends/index';
import type { NetworkManifest } from '../../protocol/manifest';
import {
  type FromPredictor,
  type ToPredictor,
  toPredictorSchema,
  WEIGHTS_CHOICES,
} from '../../protocol/predictor';
import { graphOf } from '../../recipe/draft';
import { ENGINE_REQUESTS } from '../../recipe/engineNames';
import { networkRun } from '../../runs/networkRun';
import { readRunWeights } from '../../runs/runWeights';
import { readManifest } from '../../runs/store';
import { assertNever } from '../../shared/assertNever';
import { UserError } from '../../shared/userError';
import { failureOf } from '../../system/errors';
import { storeRootOf } from '../../system/storeFolder';
import type { Predictor } from '../effects/effect';
import { RecipeEffects } from '../effects/index';
import { Network } from '../network/network';
import { classify } from './classifier';
import { evaluateOnTest } from './testImages';

/** A run that is ready for requests. */
interface LoadedRun {
  readonly folder: string;
  readonly manifest: NetworkManifest;
  readonly engine: Engine;
  readonly network: Predictor;
}

async function main([folder, weightsName, engineName]: readonly string[]): Promise<void> {
  const weights = WEIGHTS_CHOICES.find((name) => name === weightsName);
  if (folder === undefined || !weights) {
    throw new Error(`Usage: node predictor.js <run folder> <${WEIGHTS_CHOICES.join('|')}> [engine]`);
  }
  const reading = await readManifest(folder);
  if (!reading.ok) {
    throw new UserError({
      what: l10n.t('{0} is not a run: {1}', folder, reading.reason),
      remedy: l10n.t('List the runs: {0}', 'tricks runs'),
    });
  }
  const { manifest } = networkRun({ id: reading.manifest.id, manifest: reading.manifest });
  const { recipe } = manifest;
  const { values, epochs } = await readRunWeights(folder, weights);
  const request = ENGINE_REQUESTS.find((name) => name === engineName) ?? recipe.engine;
  const engine = await loadEngine(request, { workspace: storeRootOf(folder) });
  const trained = new Network(graphOf(recipe), values, recipe.precision.compute);
  const network = new RecipeEffects(recipe).predictor(trained);
  answerRequests({ folder, manifest, engine, network });
  answer({ type: 'ready', epoch: epochs, classNames: [...recipe.data.dataset.classNames] });
}

/** Answers requests from the channel, one after the other. */
function answerRequests(run: LoadedRun): void {
  let turn = Promise.resolve();
  process.on('message', (message) => {
    const { data: request } = toPredictorSchema.safeParse(message);
    if (request) turn = turn.then(() => handle(run, request)).catch(fail);
  });
}

async function handle(run: LoadedRun, request: ToPredictor): Promise<void> {
  const { folder, manifest, engine, network } = run;
  switch (request.type) {
    case 'classify':
      await classify(network, manifest.recipe, request.paths, request.top, (result) =>
        answer({ type: 'classified', result }),
      );
      return answer({ type: 'done' });
    case 'test': {
      const result = await evaluateOnTest(network, folder, manifest, {
        engine: engine.name,
        // Never aborted: the request ends with the process.
        signal: new AbortController().signal,
        onPreparing: (what, share) => answer({ type: 'preparing', what, share }),
      });
      return answer({ type: 'tested', result });
    }
    default:
      return assertNever(request);
  }
}

function fail(error: unknown): void {
  console.error(error);
  answer({ type: 'failed', failure: failureOf(error) });
}

function answer(message: FromPredictor): void {
  // If nobody listens anymore, the process is about to exit.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

process.once('disconnect', () => process.exit(0));
main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  const failed: FromPredictor = { type: 'failed', failure: failureOf(error) };
  if (process.connected) process.send?.(failed, undefined, undefined, () => process.exit(1));
  else process.exit(1);
});
