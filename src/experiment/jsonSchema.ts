import { z } from 'zod';
import { ALL_TRICKS } from '../tricks/registry';
import type { Trick } from '../tricks/trick';
import { experimentSchema } from './schema';

/** The JSON Schema (draft 7, as editors read it) of an experiment file, from the schema that validates it. */
export function experimentJsonSchema(): object {
  const { $schema, ...schema } = z.toJSONSchema(experimentSchema, {
    io: 'input',
    target: 'draft-7',
    override: ({ zodSchema, jsonSchema }) => {
      const trick =
        zodSchema instanceof z.ZodUnion &&
        ALL_TRICKS.find(({ options }) => zodSchema.options.includes(options));
      // What editors that complete by this schema insert behind a trick's key.
      if (trick) jsonSchema.defaultSnippets = [snippetOf(trick)];
      // Bounds that JavaScript's integers have anyway only add noise to an editor's hover.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    },
  });
  return {
    $schema,
    title: 'Experiment',
    description: 'An image-classification experiment of Bag of Tricks: what to train, and by which tricks.',
    ...schema,
  };
}

/** A trick with its default options, or `true` where it has none, as VS Code's JSON language service reads it. */
function snippetOf({ name, options, title }: Trick): object {
  const defaults = options.parse({});
  const body = Object.keys(defaults).length === 0 ? true : defaults;
  return { label: name, description: title(), body };
}
