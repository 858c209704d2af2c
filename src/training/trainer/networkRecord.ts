import { isNetworkManifest, type NetworkManifest } from '../../protocol/manifest';
import type { RunRecord } from '../../runs/trainer/runRecord';

/** The record of a run of this trainer, not of a command. */
export type NetworkRecord = RunRecord & { readonly manifest: NetworkManifest };

export function isNetworkRecord(record: RunRecord): record is NetworkRecord {
  return isNetworkManifest(record.manifest);
}
