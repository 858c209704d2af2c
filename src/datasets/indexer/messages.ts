import { z } from 'zod';
import type { OwnDatasetRequest } from '../../recipe/datasets';
import { failureSchema } from '../../shared/failure';

/** Messages to the indexer over its IPC channel. It also stops when the channel closes. */
export type ToIndexer =
  | {
      readonly type: 'index';
      readonly request: OwnDatasetRequest;
      /** The folder that contains .bag-of-tricks. */
      readonly root: string;
      /** The base of relative paths: the experiment file's folder. */
      readonly folder: string;
      /** Whether images may be in any folder, allowed or not. */
      readonly mayReadAnywhere: boolean;
    }
  | { readonly type: 'cancel' };

export const fromIndexerSchema = z.discriminatedUnion('type', [
  /** The current activity and, if known, the fraction done. */
  z.object({ type: z.literal('progress'), what: z.string(), share: z.number().nullable() }),
  /** The index was written. */
  z.object({ type: z.literal('done') }),
  /** No index was written. An earlier one stays intact. */
  z.object({ type: z.literal('failed'), failure: failureSchema }),
  z.object({ type: z.literal('cancelled') }),
]);
export type FromIndexer = z.infer<typeof fromIndexerSchema>;
export type IndexProgress = Extract<FromIndexer, { type: 'progress' }>;
