import { fieldAt } from '../../experiment/schemaTree';
import { isMapping, valueAt } from '../../shared/values';

/** Keys that select the images or where they are computed. Their levels cannot be compared, or are equal. */
const NO_FACTORS = ['data.dataset', 'data.path', 'data.split', 'engine', 'tricks.distillation.teacher'];

/**
 * Whether values of a key can be compared. False for keys that only allow mappings, and for keys below a plain value.
 */
export function canBeCompared(key: string, value: unknown): boolean {
  const path = key.split('.');
  const field = fieldAt(path, value);
  const above = valueAt(value, path.slice(0, -1));
  const isBelowPlain = path[0] !== 'tricks' && above !== undefined && !isMapping(above);
  const isMappingAlone = field?.isMapping === true && field.values.size === 0;
  return (
    !isBelowPlain && !isMappingAlone && !NO_FACTORS.some((each) => key === each || key.startsWith(`${each}.`))
  );
}
