import { z } from 'zod';
import type { Path } from '../shared/path';
import { valueAt } from '../shared/values';
import { commandSchema, isCommandValue } from './command/schema';
import { experimentSchema } from './schema';

type Schema = z.core.$ZodType;

/** What is valid at a path of an experiment. */
export interface Field {
  readonly description: string | undefined;
  /** The valid values if they can be listed, or examples of them, with descriptions. Includes true and false. */
  readonly values: ReadonlyMap<string | number | boolean, string | undefined>;
  /** Whether unlisted values are valid too. */
  readonly isOpen: boolean;
  /** The value if it is omitted. Undefined if it is required or has no default. */
  readonly default: unknown;
  /** Whether it has keys below it. */
  readonly isMapping: boolean;
}

/**
 * Returns the keys that the mapping at `path` may have, from the union branches that match `value`. If `value` does not
 * determine the branch, returns the key that selects it. `root` is the schema of the whole file, by default that of the
 * experiment in `value`.
 */
export function keysAt(path: Path, value: unknown, root: Schema = schemaOf(value)): string[] {
  const keys = schemasAt(root, path, value).flatMap(({ schema, value: held }) => {
    const objects = objectsOf(schema);
    const fitting = objects.filter((object) => objects.length === 1 || discriminates(object, held));
    if (fitting.length > 0) return fitting.flatMap(({ shape }) => Object.keys(shape));
    return objects.flatMap(({ shape }) =>
      Object.keys(shape).filter((key) => isFixed(shape[key]) && valueAt(held, [key]) === undefined),
    );
  });
  return [...new Set(keys)].filter((name) => !name.startsWith('$'));
}

/** Returns what is valid at `path`, given the rest of `value`; undefined if nothing is. */
export function fieldAt(path: Path, value: unknown, root: Schema = schemaOf(value)): Field | undefined {
  const schemas = schemasAt(root, path, value).map(({ schema }) => schema);
  if (schemas.length === 0) return undefined;
  const descriptions = new Set(schemas.map(descriptionOf).filter((text) => text !== undefined));
  const hasMeanings = descriptions.size > 1;
  const meanings = new Map(schemas.flatMap(kindsOf));
  const values = new Map(
    schemas.flatMap((schema) =>
      valuesOf(schema).map((each) => {
        const meaning = hasMeanings ? descriptionOf(schema) : undefined;
        return [each, meaning ?? meanings.get(each)] as const;
      }),
    ),
  );
  const [written] = [valueAt(value, path)].filter(isPlain);
  return {
    description: (written !== undefined && values.get(written)) || [...descriptions].join(' ') || undefined,
    values,
    isOpen: schemas.some(takesUnlisted),
    default: schemas.map(defaultOf).find((given) => given !== undefined),
    isMapping: schemas.some((schema) => objectsOf(schema).length > 0),
  };
}

/** Returns the schema of an experiment file, of our own trainer or of a command. */
function schemaOf(value: unknown): Schema {
  return isCommandValue(value) ? commandSchema : experimentSchema;
}

/**
 * Returns the schemas at a path: several if unions leave it open. A key's own value does not affect where it is valid.
 */
export function schemasAt(
  schema: Schema,
  path: Path,
  value: unknown,
): { readonly schema: Schema; readonly value: unknown }[] {
  const [key, ...rest] = path;
  if (key === undefined) return [{ schema, value }];
  if (typeof key === 'number') {
    return itemsOf(schema, key).flatMap((item) => schemasAt(item, rest, valueAt(value, [key])));
  }
  const objects = objectsOf(schema);
  const itself = rest.length === 0 ? String(key) : undefined;
  const below = objects
    // An only kind needs no discriminator.
    .filter((object) => objects.length === 1 || discriminates(object, value, itself))
    .flatMap(({ shape }) => shape[key] ?? []);
  return [...below, ...recordsOf(schema)].flatMap((child) => schemasAt(child, rest, valueAt(value, [key])));
}

/** Returns the schemas of the values of a mapping with any keys. */
function recordsOf(schema: Schema): Schema[] {
  if (schema instanceof z.ZodRecord) return [schema.valueType];
  const inner = innerOf(schema);
  return inner ? recordsOf(inner) : [];
}

/** Returns the object schemas that a schema resolves to. */
function objectsOf(schema: Schema): z.ZodObject[] {
  if (schema instanceof z.ZodObject) return [schema];
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(objectsOf);
  const inner = innerOf(schema);
  return inner ? objectsOf(inner) : [];
}

/** Returns the schemas of a list item. */
function itemsOf(schema: Schema, index: number): Schema[] {
  if (schema instanceof z.ZodArray) return [schema.element];
  if (schema instanceof z.ZodTuple) return [schema.def.items[index]].filter((item) => item !== undefined);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => itemsOf(option, index));
  const inner = innerOf(schema);
  return inner ? itemsOf(inner, index) : [];
}

/** Returns the discriminator values of a union of mappings, such as `step: flip`, with their descriptions. */
function kindsOf(schema: Schema): [string | number | boolean, string | undefined][] {
  if (!(schema instanceof z.ZodUnion)) return [];
  return objectsOf(schema).flatMap(({ shape }) =>
    Object.values(shape).flatMap((field) =>
      field instanceof z.ZodLiteral
        ? valuesOf(field).map((value): [typeof value, string | undefined] => [value, descriptionOf(field)])
        : [],
    ),
  );
}

/** Whether an object schema matches the value's discriminators, such as `dataset: synthetic`. */
function discriminates({ shape }: z.ZodObject, value: unknown, except?: string): boolean {
  return Object.entries(shape).every(([key, field]) => {
    return !isFixed(field) || key === except || field.safeParse(valueAt(value, [key])).success;
  });
}

/** Whether a schema accepts only listed words. */
function isFixed(schema: unknown): schema is z.ZodLiteral | z.ZodEnum {
  return schema instanceof z.ZodLiteral || schema instanceof z.ZodEnum;
}

function innerOf(schema: Schema): Schema | undefined {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault
    ? schema.def.innerType
    : undefined;
}

function descriptionOf(schema: Schema): string | undefined {
  const inner = innerOf(schema);
  return z.globalRegistry.get(schema)?.description ?? (inner && descriptionOf(inner));
}

function defaultOf(schema: Schema): unknown {
  if (schema instanceof z.ZodDefault) return schema.def.defaultValue;
  const inner = innerOf(schema);
  return inner && defaultOf(inner);
}

function valuesOf(schema: Schema): (string | number | boolean)[] {
  if (schema instanceof z.ZodEnum) return schema.options;
  if (schema instanceof z.ZodLiteral) return [...schema.values].filter(isPlain);
  if (schema instanceof z.ZodBoolean) return [true, false];
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(valuesOf);
  const inner = innerOf(schema);
  if (inner) return valuesOf(inner);
  // Examples of other valid values.
  const { examples } = z.globalRegistry.get(schema) ?? {};
  return Array.isArray(examples) ? examples.filter(isPlain) : [];
}

/** Whether a schema accepts plain values in addition to those it lists. */
function takesUnlisted(schema: Schema): boolean {
  if (schema instanceof z.ZodEnum || schema instanceof z.ZodLiteral || schema instanceof z.ZodBoolean) {
    return false;
  }
  if (schema instanceof z.ZodUnion) return schema.options.some(takesUnlisted);
  const inner = innerOf(schema);
  return inner ? takesUnlisted(inner) : !(schema instanceof z.ZodObject);
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
