import * as l10n from '@vscode/l10n';
import { SYNTHETIC_DEFAULTS } from '../recipe/datasets';
import { ALL_TRICKS } from '../tricks/registry';
import { explainIssues, type Finding, type Guide } from './explain';
import { inspectedSchema } from './inspected';
import { type Experiment, experimentSchema } from './schema';
import { keysAt } from './schemaTree';

export type { Finding };

export type Validation =
  | { readonly ok: true; readonly experiment: Experiment }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/** Whether an experiment is to be trained, or only to be looked at, which needs no data. */
export type Purpose = 'train' | 'inspect';

/** Checks plain data against the experiment's schema and fills defaults in. */
export function validate(value: unknown, purpose: Purpose = 'train'): Validation {
  const parsed = (purpose === 'train' ? experimentSchema : inspectedSchema).safeParse(value);
  if (parsed.success) return { ok: true, experiment: parsed.data };
  return { ok: false, findings: explainIssues(parsed.error.issues, value, GUIDE) };
}

/** Every part of an experiment with its default, to have an example of each. */
const EXAMPLE: unknown = (() => {
  const experiment = experimentSchema.parse({
    name: 'my-experiment',
    data: { dataset: 'fashion-mnist-sample' },
    model: { name: 'resnet20' },
  });
  return {
    ...experiment,
    data: { ...experiment.data, ...SYNTHETIC_DEFAULTS },
    model: { ...experiment.model, input_size: 224, classes: 1000 },
    schedule: {
      ...experiment.schedule,
      decay: { name: 'multi_step', milestones: [30, 60, 90], factor: 0.1 },
    },
    tricks: Object.fromEntries(ALL_TRICKS.map(({ name, options }) => [name, options.parse({})])),
  };
})();

const GUIDE: Guide = {
  example: EXAMPLE,
  keysAt,
  nothing: () => ({
    what: l10n.t('The file holds no experiment.'),
    remedy: l10n.t('Write at least name, data and model, such as model: { name: resnet20 }.'),
  }),
};
