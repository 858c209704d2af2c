import type { z } from 'zod';
import { isSearch } from '../search/parse';
import { searchSchema } from '../search/schema';
import { studySchema } from './schema';

/** Returns the schema of a study file, or of a search if it has `search` instead of `factors`. */
export function fileSchema(value: unknown): z.ZodObject {
  return isSearch(value) ? searchSchema : studySchema;
}
