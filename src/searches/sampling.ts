/** Samplers that draw parameter values for a search's trials. */
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import { assertNever } from '../shared/assertNever';
import { parseJson } from '../shared/parseJson';
import { UserError } from '../shared/userError';
import type { HalvingTrial } from '../study/search/asha';
import { distributionOf } from '../study/search/journalOfSearch';
import { modelTrials } from '../study/search/model';
import { distributionText } from '../study/search/optunaJournal';
import { quasiRandomPoint, randomPoint } from '../study/search/points';
import {
  higherIsBetter,
  type OptunaSamplerName,
  type Search,
  type TrialValues,
} from '../study/search/search';
import { readable, valuesAt } from '../study/search/space';
import { spawn } from '../system/children';
import { findPython } from './python';
import { SAMPLER_PROGRAM } from './samplerProgram';

/** What a sampler sees of a trial. */
export type KnownTrial = HalvingTrial & { readonly values: TrialValues };

export interface Sampler {
  /**
   * Draws the values of the next trial.
   *
   * @param drawn number of earlier draws, including unusable ones
   * @throws UserError if Python or a package is missing or fails
   */
  next(drawn: number, trials: readonly KnownTrial[]): Promise<TrialValues>;
  close(): void;
}

/**
 * Creates the sampler for a search.
 *
 * @param python the Python that runs Optuna. Defaults to the one on PATH.
 * @throws UserError if no usable Python is found
 */
export function createSampler(search: Search, rungs: readonly number[], python?: string): Sampler {
  const { sampler, seed, parameters } = search;
  const builtIn = (point: typeof randomPoint): Sampler => ({
    next: async (drawn) => valuesAt(search, point(seed, drawn, parameters.length)),
    close: () => {},
  });
  switch (sampler) {
    case 'random':
      return builtIn(randomPoint);
    case 'quasi_random':
      return builtIn(quasiRandomPoint);
    case 'tpe':
    case 'gp':
    case 'cmaes':
      return new OptunaSampler(sampler, search, rungs, findPython(python));
    default:
      return assertNever(sampler);
  }
}

const answerSchema = z.union([
  z.object({ values: z.record(z.string(), z.number()) }),
  z.object({ missing: z.string() }),
  z.object({ error: z.string() }),
]);

/** pip names of the packages that each sampler needs besides Optuna. */
const PACKAGES: Readonly<Record<OptunaSamplerName, string>> = {
  tpe: 'optuna',
  gp: 'optuna scipy torch',
  cmaes: 'optuna cmaes',
};

/** Optuna's samplers, in a Python process with the lifetime of this object. */
class OptunaSampler implements Sampler {
  readonly #process: ReturnType<typeof spawn>;
  readonly #answers: AsyncIterator<string>;
  readonly #lines: Interface;
  #stderr = '';
  /** Serializes requests. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly sampler: OptunaSamplerName,
    private readonly search: Search,
    private readonly rungs: readonly number[],
    private readonly python: string,
  ) {
    this.#process = spawn(python, ['-c', SAMPLER_PROGRAM], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, PYTHONSAFEPATH: '1', PYTHONUTF8: '1' },
    });
    // If Python exits, the end of its output reports that.
    this.#process.on('error', (error) => (this.#stderr += error.message));
    this.#process.stdin?.on('error', () => {});
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-2000);
    });
    this.#lines = createInterface({ input: this.#process.stdout! });
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  next(drawn: number, trials: readonly KnownTrial[]): Promise<TrialValues> {
    const answer = this.#turn.then(() => this.#ask(drawn, trials));
    this.#turn = answer.catch(() => {});
    return answer;
  }

  close(): void {
    this.#lines.close();
    this.#process.stdin?.end();
    this.#process.kill();
  }

  async #ask(drawn: number, trials: readonly KnownTrial[]): Promise<TrialValues> {
    const { parameters, seed, metric } = this.search;
    const request = {
      id: trials.length,
      sampler: this.sampler,
      // Each draw has its own seed, so a resumed search does not repeat draws.
      seed: (seed * 1_000_003 + drawn) % 2 ** 32,
      direction: higherIsBetter(metric) ? 'maximize' : 'minimize',
      distributions: Object.fromEntries(
        parameters.map((parameter) => [parameter.key, distributionText(distributionOf(parameter))]),
      ),
      trials: modelTrials(this.sampler, trials, this.rungs),
    };
    this.#process.stdin?.write(`${JSON.stringify(request)}\n`);
    const line = await this.#answers.next();
    if (line.done) {
      if (this.#process.exitCode === null && this.#process.signalCode === null && this.#process.pid) {
        await once(this.#process, 'close');
      }
      throw this.#failure(this.#stderr.trim().split('\n').at(-1) ?? '');
    }
    const answer = answerSchema.parse(parseJson(line.value));
    if ('values' in answer) return this.#readableValues(answer.values);
    if ('error' in answer) throw this.#failure(answer.error);
    throw new UserError({
      what: l10n.t('{0} has no {1}, which the sampler {2} needs.', this.python, answer.missing, this.sampler),
      remedy: l10n.t(
        'Install it: {0}. Or specify another Python with --python PATH, or use sampler: quasi_random.',
        `${this.python} -m pip install ${PACKAGES[this.sampler]}`,
      ),
    });
  }

  #readableValues(values: TrialValues): TrialValues {
    return Object.fromEntries(
      this.search.parameters.map((parameter) => {
        const value = values[parameter.key] ?? 0;
        return [parameter.key, parameter.kind === 'range' ? readable(parameter, value) : value];
      }),
    );
  }

  #failure(reason: string): UserError {
    return new UserError({
      what: l10n.t('The sampler {0} failed in {1}: {2}', this.sampler, this.python, reason),
      remedy: l10n.t('Check this Python and its Optuna installation, or use sampler: quasi_random.'),
    });
  }
}
