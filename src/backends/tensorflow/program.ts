import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Binding } from './binding';
import type { RecordedGraph } from './recording';
import { nameOf, savedModelOf, TAG } from './savedModel';

/**
 * A graph in a TensorFlow session. Its executor runs independent ops in parallel, with no JavaScript in between. The
 * addon loads graphs only from files.
 */
export class Program {
  readonly #session: number;
  readonly #inputs: string;
  readonly #outputs: string;

  /** @throws the library's error if it rejects the graph */
  constructor(
    private readonly binding: Binding,
    graph: RecordedGraph,
  ) {
    const folder = mkdtempSync(join(tmpdir(), 'bag-of-tricks-'));
    try {
      writeFileSync(join(folder, 'saved_model.pb'), savedModelOf(graph));
      this.#session = binding.loadSavedModel(folder, TAG);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    this.#inputs = graph.inputs.map(nameOf).join();
    this.#outputs = graph.outputs.map(nameOf).join();
  }

  /** Returns the binding's output tensors, given its input tensors. */
  run(inputs: readonly number[]): ReturnType<Binding['runSavedModel']> {
    return this.binding.runSavedModel(this.#session, inputs, this.#inputs, this.#outputs);
  }

  dispose(): void {
    this.binding.deleteSavedModel(this.#session);
  }
}
