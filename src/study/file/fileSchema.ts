import type { z } from 'zod';
import { isSearch } from '../search/parse';
import { searchSchema } from '../search/schema';
import { studySchema } from './schema';

/** The schema of a study file: that of a search where it has `search` in the place of `factors`. */
export function fileSchema(value: unknown): z.ZodObject {
  return isSearch(value) ? searchSchema : studySchema;
}
