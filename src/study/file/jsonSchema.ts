import { z } from 'zod';
import { ALL_TRICKS } from '../../tricks/registry';
import { rangeSchema, searchSchema } from '../search/schema';
import { METRICS } from './metrics';
import { studySchema } from './schema';

/**
 * Generates the JSON Schema of a study file (draft 7, the version that editors read) from the schema that validates it.
 */
export function studyJsonSchema(): object {
  const { $schema, ...schema } = z.toJSONSchema(studySchema, {
    io: 'input',
    target: 'draft-7',
    override: ({ zodSchema, jsonSchema }) => {
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (zodSchema === studySchema.shape.budget)
        Object.assign(jsonSchema, { minProperties: 1, maxProperties: 1 });
      if (zodSchema === studySchema.shape.metric) jsonSchema.examples = [...METRICS];
      if (zodSchema === studySchema.shape.factors)
        Object.assign(jsonSchema, { items: factorSchema(jsonSchema.items) });
    },
  });
  return {
    $schema,
    title: 'Study',
    description: 'A study of Bag of Tricks: which tricks and values pay in an experiment, by a design.',
    // The key in the file decides which of the two it is.
    if: { required: ['search'], not: { required: ['factors'] } },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
    then: searchJsonSchema(),
    else: schema,
  };
}

/** Schema of a file with `search`, with the tricks by name and the kinds of ranges. */
function searchJsonSchema(): object {
  const { $schema: _, ...schema } = z.toJSONSchema(searchSchema, {
    io: 'input',
    target: 'draft-7',
    override: ({ zodSchema, jsonSchema }) => {
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (zodSchema === searchSchema.shape.budget || zodSchema === rangeSchema)
        Object.assign(jsonSchema, { minProperties: 1, maxProperties: 1 });
      if (zodSchema === searchSchema.shape.search)
        Object.assign(jsonSchema, { minProperties: 1, properties: searchedTricks() });
    },
  });
  return { title: 'Search', ...schema };
}

/** Schema of a trick's choices: off, on, or with options. */
function searchedTricks(): object {
  return Object.fromEntries(
    ALL_TRICKS.map(({ name, options, title }) => [
      name,
      {
        description: title(),
        type: 'array',
        minItems: 2,
        items: { anyOf: [{ enum: ['off', 'on', false, true] }, optionsOf(options)] },
      },
    ]),
  );
}

function optionsOf(schema: z.ZodObject): object {
  const { $schema: _, ...options } = z.toJSONSchema(schema, { io: 'input', target: 'draft-7' });
  return options;
}

/** Schema of factors, with the tricks by name and their options. A separate pattern matches experiment keys. */
function factorSchema(items: unknown): object {
  const tricks = Object.fromEntries(
    ALL_TRICKS.map(({ name, options, title }) => {
      const one = optionsOf(options);
      return [name, { description: title(), anyOf: [{ const: true }, one, { type: 'array', items: one }] }];
    }),
  );
  const [name, mapping] = (items as { readonly anyOf: readonly object[] }).anyOf;
  return {
    anyOf: [
      { ...name, anyOf: [{ enum: ALL_TRICKS.map((trick) => trick.name) }, { type: 'string' }] },
      {
        ...mapping,
        minProperties: 1,
        maxProperties: 1,
        properties: tricks,
        patternProperties: { '\\.': { type: 'array', minItems: 2 } },
      },
    ],
  };
}
