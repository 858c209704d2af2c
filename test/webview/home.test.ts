import { homedir } from 'node:os';
import { expect, test } from 'vitest';
import { productVariables, waysOutOfHome } from '../../scripts/lib/home.mjs';

test("has a temporary home, and no variable of the product except the one for webgpu's adapter", () => {
  expect(waysOutOfHome(process.env)).toEqual([]);
  expect(homedir()).toBe(process.env.HOME);
  const { BAG_OF_TRICKS_SOFTWARE_GPU: _, ...others } = productVariables(process.env);
  expect(others).toEqual({});
});
