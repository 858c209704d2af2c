import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Binding } from './binding';
import type { RecordedGraph } from './recording';
import { nameOf, savedModelOf, TAG } from './savedModel';

/**
 * A graph in a session of TensorFlow's, whose executor runs ops beside one another that do not wait for each other,
 * with no JavaScript in between. The addon takes graphs from files alone.
 */
export class Program {
  readonly #session: number;
  readonly #inputs: string;
  readonly #outputs: string;

  /** @throws the library's error where it refuses the graph */
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

  /** The binding's tensors of the outputs, for those of the inputs. */
  run(inputs: readonly number[]): ReturnType<Binding['runSavedModel']> {
    return this.binding.runSavedModel(this.#session, inputs, this.#inputs, this.#outputs);
  }

  dispose(): void {
    this.binding.deleteSavedModel(this.#session);
  }
}
