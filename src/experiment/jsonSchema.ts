import { z } from 'zod';
import { ALL_TRICKS } from '../tricks/registry';
import type { Trick } from '../tricks/trick';
import { commandSchema } from './command/schema';
import { experimentSchema } from './schema';

const DRAFT = 'http://json-schema.org/draft-07/schema#';

/**
 * Returns the JSON Schema of an experiment file (draft 7, which editors read): the one of experiments that train by a
 * command if the file has `trainer`, else that of our own trainer's.
 */
export function experimentFileJsonSchema(): object {
  const { $schema: _, ...ours } = experimentJsonSchema();
  const { $schema: __, ...command } = commandJsonSchema();
  return {
    $schema: DRAFT,
    title: 'Experiment file',
    description: 'An image-classification experiment of Bag of Tricks.',
    if: { required: ['trainer'] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
    then: command,
    else: ours,
  };
}

/** Returns the JSON Schema of an experiment of our own trainer, derived from the validation schema. */
export function experimentJsonSchema(): Record<string, unknown> {
  return {
    $schema: DRAFT,
    title: 'Experiment',
    description: 'An image-classification experiment of Bag of Tricks: what to train, and by which tricks.',
    ...derived(experimentSchema),
  };
}

/** Returns the JSON Schema of an experiment that trains by a command. */
export function commandJsonSchema(): Record<string, unknown> {
  return {
    $schema: DRAFT,
    title: 'Command experiment',
    description: 'An experiment of Bag of Tricks that trains by a command of another program.',
    ...derived(commandSchema, { switches: true }),
  };
}

function derived(root: z.ZodObject, { switches = false } = {}): object {
  const { $schema: _, ...schema } = z.toJSONSchema(root, {
    io: 'input',
    target: 'draft-7',
    override: ({ zodSchema, jsonSchema }) => {
      const trick =
        zodSchema instanceof z.ZodUnion &&
        ALL_TRICKS.find(({ options }) => zodSchema.options.includes(options));
      // Inserted after a trick's key by editors that complete from this schema.
      if (trick) jsonSchema.defaultSnippets = [snippetOf(trick)];
      // The names in trainer.arguments are switched on here, too.
      if (switches && jsonSchema.properties && 'label_smoothing' in jsonSchema.properties)
        jsonSchema.additionalProperties = { type: 'boolean' };
      // Limits that JavaScript integers have anyway only add noise to an editor's hover.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    },
  });
  return schema;
}

/**
 * Returns a snippet in the format of VS Code's JSON language service: a trick with its default options, or `true` if it
 * has none.
 */
function snippetOf({ name, options, title }: Trick): object {
  const defaults = options.parse({});
  const body = Object.keys(defaults).length === 0 ? true : defaults;
  return { label: name, description: title(), body };
}
