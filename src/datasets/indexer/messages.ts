import { z } from 'zod';
import type { OwnDatasetRequest } from '../../recipe/datasets';
import { failureSchema } from '../../shared/failure';

/** What the program that indexes a data set hears over its process's channel; it stops when that is closed as well. */
export type ToIndexer =
  | {
      readonly type: 'index';
      readonly request: OwnDatasetRequest;
      /** The folder that has .bag-of-tricks. */
      readonly root: string;
      /** What relative paths start from: the experiment file's folder. */
      readonly folder: string;
      /** Whether images may lie anywhere, allowed or not. */
      readonly mayReadAnywhere: boolean;
    }
  | { readonly type: 'cancel' };

export const fromIndexerSchema = z.discriminatedUnion('type', [
  /** What is being done, with the share of it that is done where that is known. */
  z.object({ type: z.literal('progress'), what: z.string(), share: z.number().nullable() }),
  /** The index is written. */
  z.object({ type: z.literal('done') }),
  /** No index was written; an earlier one stands. */
  z.object({ type: z.literal('failed'), failure: failureSchema }),
  z.object({ type: z.literal('cancelled') }),
]);
export type FromIndexer = z.infer<typeof fromIndexerSchema>;
export type IndexProgress = Extract<FromIndexer, { type: 'progress' }>;
