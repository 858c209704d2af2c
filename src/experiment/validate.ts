import * as l10n from '@vscode/l10n';
import { SYNTHETIC_DEFAULTS } from '../recipe/datasets';
import { ALL_TRICKS } from '../tricks/registry';
import { explainIssues, type Finding, type Guide } from './explain';
import { inspectedSchema } from './inspected';
import { type Experiment, experimentSchema } from './schema';

export type { Finding };

export type Validation =
  | { readonly ok: true; readonly experiment: Experiment }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/** Whether an experiment is to be trained or only inspected, which requires no data. */
export type Purpose = 'train' | 'inspect';

/** Validates plain data against the experiment schema and fills in defaults. */
export function validate(
  value: unknown,
  purpose: Purpose = 'train',
  format: Guide['format'] = 'yaml',
): Validation {
  const parsed = (purpose === 'train' ? experimentSchema : inspectedSchema).safeParse(value);
  if (parsed.success) return { ok: true, experiment: parsed.data };
  return { ok: false, findings: explainIssues(parsed.error.issues, value, guideOf(format)) };
}

/** Returns the findings for the readable parts of an experiment. */
export function partialFindings(value: unknown, format: Guide['format']): readonly Finding[] {
  const schema = experimentSchema.partial();
  const { error } = schema.safeParse(value);
  return explainIssues(error?.issues ?? [], value, { ...guideOf(format), schema });
}

/** Every part of an experiment with its default, as a source of examples. */
const EXAMPLE: unknown = (() => {
  const experiment = experimentSchema.parse({
    name: 'my-experiment',
    data: { dataset: 'fashion-mnist-sample' },
    model: { name: 'resnet20' },
  });
  return {
    ...experiment,
    data: {
      ...experiment.data,
      ...SYNTHETIC_DEFAULTS,
      path: 'photos',
      train: 'shards/train-{000..009}.tar',
      split: { validation: 0.1, seed: 0, fold: { index: 0, of: 5 } },
    },
    model: { ...experiment.model, input_size: 224, classes: 1000 },
    schedule: {
      ...experiment.schedule,
      decay: { name: 'multi_step', milestones: [30, 60, 90], factor: 0.1 },
    },
    tricks: Object.fromEntries(ALL_TRICKS.map(({ name, options }) => [name, options.parse({})])),
  };
})();

function guideOf(format: Guide['format']): Guide {
  return { schema: experimentSchema, example: EXAMPLE, format, nothing };
}

function nothing(): ReturnType<Guide['nothing']> {
  return {
    what: l10n.t('The file holds no experiment.'),
    remedy: l10n.t('Write at least name, data and model, such as model: { name: resnet20 }.'),
  };
}
