import { z } from 'zod';
import type { Path } from '../../shared/path';
import { schemasAt } from '../schemaTree';

type Schema = z.core.$ZodType;

/** More candidates would not add information. */
const MOST = 4;
const NUMBERS = [0.5, 1, 2, 0, 0.01, 3, 16, 64, 4096];
const TEXTS = ['text', '1x', '10x', 'other'];

/** Whether a schema accepts `candidate` at `path`, given the rest of `value`. */
export function accepts(root: Schema, path: Path, value: unknown, candidate: unknown): boolean {
  return schemasAt(root, path, value).some(({ schema }) => isValid(schema, candidate));
}

/** Returns a few valid values for `path`, as different as possible. */
export function candidatesAt(root: Schema, path: Path, value: unknown): unknown[] {
  return spread(schemasAt(root, path, value).flatMap(({ schema }) => candidatesOf(schema)));
}

const known = new WeakMap<Schema, readonly unknown[]>();

function candidatesOf(schema: Schema): readonly unknown[] {
  const held = known.get(schema);
  if (held) return held;
  const found = spread(valuesOf(schema).filter((value) => isValid(schema, value)));
  known.set(schema, found);
  return found;
}

function valuesOf(schema: Schema): readonly unknown[] {
  if (schema instanceof z.ZodEnum) return schema.options;
  if (schema instanceof z.ZodLiteral) return [...schema.values].filter((value) => value !== undefined);
  if (schema instanceof z.ZodBoolean) return [true, false];
  if (schema instanceof z.ZodNumber) {
    const fitting = NUMBERS.filter((number) => isValid(schema, number));
    return [fitting[0], Math.min(...fitting), Math.max(...fitting)];
  }
  if (schema instanceof z.ZodString) return TEXTS;
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(candidatesOf);
  if (schema instanceof z.ZodArray) return [...candidatesOf(schema.element).map((item) => [item]), []];
  if (schema instanceof z.ZodTuple) {
    const items = schema.def.items.map(candidatesOf);
    return Array.from({ length: MOST }, (_, index) => items.map((of) => of[index % of.length]));
  }
  if (schema instanceof z.ZodRecord) return [{}, { text: 1 }];
  if (schema instanceof z.ZodObject) {
    const fields = Object.entries(schema.shape).map(([key, field]) => [key, candidatesOf(field)] as const);
    const filled = Array.from({ length: MOST }, (_, index) =>
      Object.fromEntries(
        fields.flatMap(([key, values]) =>
          key.startsWith('$') || values.length === 0 ? [] : [[key, values[index % values.length]]],
        ),
      ),
    );
    return [{}, ...filled];
  }
  if (schema instanceof z.ZodDefault) return [schema.def.defaultValue, ...candidatesOf(schema.def.innerType)];
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodPrefault) {
    return candidatesOf(schema.def.innerType);
  }
  return [];
}

function isValid(schema: Schema, value: unknown): boolean {
  return z.safeParse(schema, value).success;
}

/** Returns a few of the values, including the first and the last. */
function spread(values: readonly unknown[]): unknown[] {
  const different = [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
  if (different.length <= MOST) return different;
  return Array.from({ length: MOST }, (_, index) => {
    return different[Math.round((index * (different.length - 1)) / (MOST - 1))];
  });
}
