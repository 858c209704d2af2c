/**
 * Works on several items concurrently and yields their results in item order.
 *
 * @param ahead the number of items in flight
 */
export async function* inOrder<Item, Result>(
  items: Iterable<Item>,
  ahead: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<{ readonly item: Item; readonly result: Result }> {
  const pending: { readonly item: Item; readonly result: Promise<Result> }[] = [];
  for (const item of items) {
    const result = work(item);
    // A promise that is awaited later, or never, may reject first.
    result.catch(() => undefined);
    pending.push({ item, result });
    if (pending.length < ahead) continue;
    const first = pending.shift()!;
    yield { item: first.item, result: await first.result };
  }
  for (const { item, result } of pending) yield { item, result: await result };
}
