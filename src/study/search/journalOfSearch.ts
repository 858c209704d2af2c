import type { JournalDistribution, JournalParameter } from './optunaJournal';
import type { Search, SearchParameter, TrialValues } from './search';

/** Returns a search parameter's distribution in Optuna's terms. */
export function distributionOf(parameter: SearchParameter): JournalDistribution {
  if (parameter.kind === 'choices') {
    // Optuna's VS Code extension does not display true and false.
    const choices = parameter.choices.map(({ label }) =>
      typeof label === 'boolean' ? String(label) : label,
    );
    return { kind: 'categorical', choices };
  }
  const { low, high, isLog, isInteger } = parameter;
  return { kind: isInteger ? 'int' : 'float', low, high, isLog };
}

/** Returns a trial's values in Optuna's terms. */
export function journalParameters(
  { parameters }: Pick<Search, 'parameters'>,
  values: TrialValues,
): JournalParameter[] {
  return parameters.map((parameter) => ({
    name: parameter.key,
    distribution: distributionOf(parameter),
    value: values[parameter.key] ?? 0,
  }));
}
