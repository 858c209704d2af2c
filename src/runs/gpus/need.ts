import * as l10n from '@vscode/l10n';
import { type AnyRecipe, isCommandRecipe } from '../../recipe/anyRecipe';
import type { CommandRecipe } from '../../recipe/commandRecipe';
import type { Failure } from '../../shared/failure';
import { gpuText } from '../../shared/format';
import type { Gpu } from '../../system/gpus/gpu';
import { GPU_VARIABLES, namesGpus, visibleGpus } from '../../system/gpus/visible';

/** Which GPUs a run needs for itself. */
export type GpuNeed =
  | { readonly kind: 'none' }
  /** Any of these. */
  | { readonly kind: 'any'; readonly count: number; readonly of: readonly Gpu[] }
  /** Exactly these. The command selects them itself. */
  | { readonly kind: 'these'; readonly gpus: readonly Gpu[] }
  | { readonly kind: 'impossible'; readonly failure: Failure };

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Determines which GPUs a run needs that a command trains: one, or one for each process that the command starts, or
 * those that its environment variables name. Runs of our own networks take theirs when they start.
 *
 * @param gpus all GPUs of this machine
 * @param env the person's environment, which may limit the GPUs
 */
export function gpuNeed(recipe: AnyRecipe, gpus: readonly Gpu[], env: Environment): GpuNeed {
  if (!isCommandRecipe(recipe) || gpus.length === 0) return { kind: 'none' };
  const allowed = visibleGpus(gpus, env);
  const count = recipe.processes ?? 1;
  if (namesGpus(recipe.environment)) return needOfNamed(recipe, gpus, { allowed, count, env });
  // The person hides the GPUs, so the command computes without.
  if (allowed.length === 0) return { kind: 'none' };
  if (count <= allowed.length) return { kind: 'any', count, of: allowed };
  return {
    kind: 'impossible',
    failure: {
      what: l10n.t(
        'The command starts {0} processes, one for each GPU, but may use only {1}: {2}.',
        count,
        allowed.length,
        gpuText(allowed),
      ),
      remedy: l10n.t('Start fewer processes, or allow more GPUs by {0}.', variableOf(gpus)),
    },
  };
}

/** Returns the need of a command that selects its GPUs itself. */
function needOfNamed(
  { environment }: CommandRecipe,
  gpus: readonly Gpu[],
  {
    allowed,
    count,
    env,
  }: { readonly allowed: readonly Gpu[]; readonly count: number; readonly env: Environment },
): GpuNeed {
  const written = GPU_VARIABLES.flatMap((name) =>
    environment[name] === undefined ? [] : [`${name}=${environment[name]}`],
  ).join(' ');
  const own = visibleGpus(gpus, { ...env, ...environment });
  const remedy = l10n.t('Change it under {0} in the experiment file.', 'trainer.environment');
  const impossible = (what: string): GpuNeed => ({ kind: 'impossible', failure: { what, remedy } });
  if (own.length === 0) {
    if (hidesAll(environment)) return { kind: 'none' };
    return impossible(l10n.t('{0} names no GPU of this machine, which has {1}.', written, gpuText(gpus)));
  }
  const named = namesIn(environment);
  if (named !== null && own.length < named) {
    return impossible(
      l10n.t(
        '{0} names {1} GPUs, but this machine has only these of them: {2}.',
        ...[written, named, gpuText(own)],
      ),
    );
  }
  const forbidden = own.filter(({ id }) => !allowed.some((gpu) => gpu.id === id));
  if (forbidden.length > 0) {
    return impossible(
      l10n.t('{0} names GPUs that your environment does not allow: {1}.', ...[written, gpuText(forbidden)]),
    );
  }
  if (count > own.length) {
    return impossible(
      l10n.t(
        'The command starts {0} processes, one for each GPU, but {1} names only {2}.',
        ...[count, written, own.length],
      ),
    );
  }
  return { kind: 'these', gpus: own };
}

/** Whether a command hides all GPUs from itself. */
function hidesAll(environment: Environment): boolean {
  return GPU_VARIABLES.some((name) => /^(?:|-1|NoDevFiles)$/.test(environment[name]?.trim() ?? 'unset'));
}

/** The number of GPUs that a command names before the end of the list, null if by more than one variable. */
function namesIn(environment: Environment): number | null {
  const values = GPU_VARIABLES.flatMap((name) => environment[name] ?? []);
  if (values.length !== 1) return null;
  const names = (values[0] ?? '').split(',').map((name) => name.trim());
  const end = names.indexOf('-1');
  return end < 0 ? names.length : end;
}

function variableOf([first]: readonly Gpu[]): string {
  return first?.vendor === 'amd' ? 'HIP_VISIBLE_DEVICES' : 'CUDA_VISIBLE_DEVICES';
}
