import type { ModelSpec } from '../models/catalog';
import type { Experiment } from './schema';

/** Converts an experiment's model to the form that recipes store. */
export function modelSpec(written: Experiment['model']): ModelSpec {
  switch (written.name) {
    case 'mobilenet_v1':
      return {
        name: written.name,
        widthMultiplier: written.width_multiplier,
        // Recipes from earlier releases lack this field.
        ...(written.activation === 'relu6' && { activation: 'relu6' }),
      };
    case 'inception_v3':
      return { name: written.name, widthMultiplier: written.width_multiplier };
    case 'densenet121':
      return { name: written.name, growthRate: written.growth_rate };
    case 'mlp':
      return { name: written.name, hidden: written.hidden };
    default:
      return 'variant' in written
        ? { name: written.name, width: written.width, variant: written.variant }
        : { name: written.name, width: written.width };
  }
}
