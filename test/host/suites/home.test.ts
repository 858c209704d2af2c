import assert from 'node:assert/strict';
import { homedir, tmpdir } from 'node:os';
import envPaths from 'env-paths';
import { productVariables, waysOutOfHome } from '../../../scripts/lib/home.mjs';

suite('The extension host', () => {
  test("has a temporary home, and none of the product's variables", () => {
    assert.deepEqual(waysOutOfHome(process.env), []);
    assert.equal(homedir(), process.env.HOME);
    const { data, cache, config } = envPaths('bag-of-tricks');
    for (const folder of [data, cache, config]) assert.ok(folder.startsWith(tmpdir()), folder);
    assert.deepEqual(productVariables(process.env), {});
  });
});
