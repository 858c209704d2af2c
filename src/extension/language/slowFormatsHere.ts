import * as vscode from 'vscode';
import { formatStates, slowFormatFact, slowFormatText } from '../../engines/formats';
import { enginesFolder, findInManaged } from '../../engines/installations';
import { knownStepProbe } from '../../engines/probeCache';
import type { SlowFormat } from '../../insight/slowFormats';

/**
 * The half formats that are slower than float32 with the user's own TensorFlow installation, as timed by a trainer or
 * the doctor. Times nothing itself and loads no library.
 */
export class SlowFormatsHere implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.#changed.event;
  #all: readonly SlowFormat[] = [];

  get all(): readonly SlowFormat[] {
    return this.#all;
  }

  /** Reads the current timings. */
  async refresh(): Promise<void> {
    // The doctor reports a folder that cannot be read.
    const found = await slowFormats().catch(() => []);
    if (JSON.stringify(found) === JSON.stringify(this.#all)) return;
    this.#all = found;
    this.#changed.fire();
  }

  dispose(): void {
    this.#changed.dispose();
  }
}

async function slowFormats(): Promise<SlowFormat[]> {
  const addonPath = findInManaged('tensorflow', enginesFolder())?.addonPath;
  const states = addonPath ? formatStates(await knownStepProbe(addonPath)) : [];
  return states.flatMap((state): SlowFormat[] => {
    const [fact, text] = [slowFormatFact(state), slowFormatText(state)];
    return fact === null || text === null ? [] : [{ format: state.format, fact, text }];
  });
}
