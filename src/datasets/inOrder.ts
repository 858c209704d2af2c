/**
 * Works on several items at once and yields their results in the order of the items.
 *
 * @param ahead how many are worked on at once
 */
export async function* inOrder<Item, Result>(
  items: Iterable<Item>,
  ahead: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<{ readonly item: Item; readonly result: Result }> {
  const pending: { readonly item: Item; readonly result: Promise<Result> }[] = [];
  for (const item of items) {
    const result = work(item);
    // One that is awaited later, or never, may fail before.
    result.catch(() => undefined);
    pending.push({ item, result });
    if (pending.length < ahead) continue;
    const first = pending.shift()!;
    yield { item: first.item, result: await first.result };
  }
  for (const { item, result } of pending) yield { item, result: await result };
}
