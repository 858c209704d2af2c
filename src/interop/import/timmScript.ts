import type { TrickMapping } from '../../tricks/elsewhere/mapping';
import type { TrickName } from '../../tricks/registry';
import { type Adapter, mappingsOf } from './adapter';
import { TIMM_ANCHORS, timmExperiment } from './timmExperiment';
import { TIMM, TORCHVISION } from './trainingPrograms';
import { trainingFile } from './trainingScript';

/** A call of timm's train.py in a shell script. */
export const timmScript: Adapter = {
  system: 'timm',
  read: (text, fileName) =>
    /\.(?:sh|bash)$/i.test(fileName) ? trainingFile(text, TIMM, [TORCHVISION]) : null,
  anchors: TIMM_ANCHORS,
  tricks: withoutNull(mappingsOf('timm')),
  experiment: timmExperiment,
};

/** A command cannot express an unset option, so it is left out. */
function withoutNull(tricks: Adapter['tricks']): Adapter['tricks'] {
  const entries = Object.entries(tricks) as [TrickName, TrickMapping][];
  return Object.fromEntries(
    entries.map(([name, mapping]) => [
      name,
      {
        ...mapping,
        write: (options, settings) =>
          Object.fromEntries(
            Object.entries(mapping.write(options, settings)).map(([key, value]) => [key, value ?? undefined]),
          ),
      } satisfies TrickMapping,
    ]),
  );
}
