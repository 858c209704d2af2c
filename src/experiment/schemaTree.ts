import { z } from 'zod';
import type { Path } from '../shared/path';
import { valueAt } from '../shared/values';
import { experimentSchema } from './schema';

type Schema = z.core.$ZodType;

/** What may stand at a path of an experiment. */
export interface Field {
  readonly description: string | undefined;
  /** The values there are, where they can be listed, or examples of them, with what each means; true and false included. */
  readonly values: ReadonlyMap<string | number | boolean, string | undefined>;
  /** Whether values that cannot be listed may be written, too. */
  readonly isOpen: boolean;
  /** What stands for it where it is left out; undefined where it must be written, or is left open. */
  readonly default: unknown;
  /** Whether keys stand below it. */
  readonly isMapping: boolean;
}

/**
 * The keys that the mapping at `path` may have, by the branch of each union that fits `value`; where `value` leaves the
 * branch open, the key that chooses it. `root` is the schema of the whole file, an experiment's by default.
 */
export function keysAt(path: Path, value: unknown, root: Schema = experimentSchema): string[] {
  const keys = schemasAt(root, path, value).flatMap(({ schema, value: held }) => {
    const objects = objectsOf(schema);
    const fitting = objects.filter((object) => discriminates(object, held));
    if (fitting.length > 0) return fitting.flatMap(({ shape }) => Object.keys(shape));
    return objects.flatMap(({ shape }) =>
      Object.keys(shape).filter((key) => isFixed(shape[key]) && valueAt(held, [key]) === undefined),
    );
  });
  return [...new Set(keys)].filter((name) => !name.startsWith('$'));
}

/** What may stand at `path` beside what else `value` holds; undefined where nothing may. */
export function fieldAt(path: Path, value: unknown, root: Schema = experimentSchema): Field | undefined {
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

/** The schemas at a path: several where unions leave it open. A key's own value has no say in where it may stand. */
function schemasAt(
  schema: Schema,
  path: Path,
  value: unknown,
): { readonly schema: Schema; readonly value: unknown }[] {
  const [key, ...rest] = path;
  if (key === undefined) return [{ schema, value }];
  if (typeof key === 'number') {
    return itemsOf(schema, key).flatMap((item) => schemasAt(item, rest, valueAt(value, [key])));
  }
  return objectsOf(schema)
    .filter((object) => discriminates(object, value, rest.length === 0 ? String(key) : undefined))
    .flatMap(({ shape }) => {
      const child = shape[key];
      return child ? schemasAt(child, rest, valueAt(value, [key])) : [];
    });
}

/** The object schemas that a schema comes down to. */
function objectsOf(schema: Schema): z.ZodObject[] {
  if (schema instanceof z.ZodObject) return [schema];
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(objectsOf);
  const inner = innerOf(schema);
  return inner ? objectsOf(inner) : [];
}

/** The schemas of an item of a list. */
function itemsOf(schema: Schema, index: number): Schema[] {
  if (schema instanceof z.ZodArray) return [schema.element];
  if (schema instanceof z.ZodTuple) return [schema.def.items[index]].filter((item) => item !== undefined);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => itemsOf(option, index));
  const inner = innerOf(schema);
  return inner ? itemsOf(inner, index) : [];
}

/** The kinds of mappings that a union takes by a word of theirs, such as `step: flip`, with what each word means. */
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

/** Whether an object schema takes the value's own words for its kind, such as `dataset: synthetic`. */
function discriminates({ shape }: z.ZodObject, value: unknown, except?: string): boolean {
  return Object.entries(shape).every(([key, field]) => {
    return !isFixed(field) || key === except || field.safeParse(valueAt(value, [key])).success;
  });
}

/** Whether a schema takes words that are listed, and nothing else. */
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
  // What may be written beside other values.
  const { examples } = z.globalRegistry.get(schema) ?? {};
  return Array.isArray(examples) ? examples.filter(isPlain) : [];
}

/** Whether a schema takes plain values beside those it lists. */
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
