import type { StudyEvidence } from '../../insight/measuredHere';
import type { StudySetting } from '../../protocol/study';
import type { StudyFacts } from '../../protocol/studyView';
import { anyRecipeKey } from '../../recipe/anyRecipe';
import { readSource } from '../../studies/planning';
import type { StudyRecord } from '../../studies/record';

/** The recipe keys of one study's settings. */
interface Keys {
  /** The study's texts, as the cache key. */
  readonly of: string;
  readonly keyOf: StudyEvidence['keyOf'];
}

/** Recipe keys of the settings of studies, computed on first use. */
export class StudyKeys {
  /** By the study's folder. */
  readonly #keys = new Map<string, Keys>();

  /** Converts a finished study to evidence. Returns null if it shows nothing about tricks. */
  evidenceOf(root: string, record: StudyRecord, facts: StudyFacts): StudyEvidence | null {
    const { analysis, state, folder } = facts;
    if (!analysis || state.status !== 'done' || record.confirms) return null;
    const of = JSON.stringify([record.study.text, record.experiment]);
    const known = this.#keys.get(folder);
    const keys = known?.of === of ? known : { of, keyOf: keysOf(root, record) };
    this.#keys.set(folder, keys);
    return { facts, analysis, keyOf: keys.keyOf };
  }
}

function keysOf(root: string, record: StudyRecord): StudyEvidence['keyOf'] {
  const keys = new Map<string, string | null>();
  let recipeAt: ReturnType<typeof recipesOf> | undefined;
  return (setting) => {
    const name = setting.join();
    const known = keys.get(name);
    if (known !== undefined) return known;
    recipeAt ??= recipesOf(root, record);
    const recipe = recipeAt(setting);
    const key = recipe && anyRecipeKey(recipe);
    keys.set(name, key);
    return key;
  };
}

function recipesOf(root: string, record: StudyRecord) {
  const parsed = readSource(root, { ...record.study, experiment: record.experiment });
  return (setting: StudySetting) => (parsed.ok ? parsed.settings.recipeAt(setting) : null);
}
