import { expect, test } from 'vitest';
import { runPrecisionText } from '../../../src/protocol/precisionText';
import type { Precision } from '../../../src/recipe/recipe';

test.each([
  ['native', 'bfloat16'],
  ['emulated', 'bfloat16, emulated'],
  ['emulated_unless_native', 'bfloat16, emulated unless the engine supports it'],
  // From a later version.
  ['invented', 'bfloat16'],
])('a planned precision that is %s reads: %s', (execution, text) => {
  expect(runPrecisionText({ compute: 'bfloat16', execution } as Precision, undefined)).toBe(text);
});
