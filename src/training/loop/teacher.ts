import type { Graph } from '../../models/graph';

/** A trained network. */
export interface Teacher {
  readonly graph: Graph;
  readonly values: ReadonlyMap<string, Float32Array>;
}
