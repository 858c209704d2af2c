import { ChartPanel } from './chart';
import { chartsOf } from './curves';
import { isLive, type ShownRun } from './model';
import { isNarrower, panned, type Range, zoomed } from './range';
import { onThemeChange, readTheme } from './theme';

/** The three charts of a run. Zooming or panning one moves all of them to the same steps. */
export class RunCharts {
  readonly elements: readonly HTMLElement[];
  private readonly panels: readonly ChartPanel[];
  private range: Range | null = null;

  /** @param onZoom called when the visible range changes, to update the charts */
  constructor(
    private shown: ShownRun,
    private readonly onZoom: () => void,
  ) {
    const theme = readTheme();
    this.panels = chartsOf(shown).map(
      (content) => new ChartPanel(shown, content, theme, (range) => this.show(range)),
    );
    this.elements = this.panels.map(({ element }) => element);
    for (const element of this.elements) element.addEventListener('keydown', (event) => this.onKey(event));
    onThemeChange(() => {
      const now = readTheme();
      for (const panel of this.panels) panel.applyTheme(now);
    });
  }

  /** Whether less than the whole run is in view. */
  get isZoomed(): boolean {
    return this.range !== null;
  }

  /** Draws the current state of a run. Another run is shown in full. */
  update(shown: ShownRun): void {
    if (shown.run.folder !== this.shown.run.folder) this.range = null;
    this.shown = shown;
    const full = fullRange(shown);
    for (const [index, content] of chartsOf(shown).entries()) {
      this.panels[index]!.update(shown, content, this.range ?? full, full);
    }
  }

  resetZoom(): void {
    this.range = null;
    this.onZoom();
  }

  private show(range: Range): void {
    this.range = isNarrower(range, fullRange(this.shown)) ? range : null;
    this.onZoom();
  }

  private onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const full = fullRange(this.shown);
    const range = this.range ?? full;
    const next = nextRange(event.key, range, full);
    if (!next) return;
    event.preventDefault();
    this.show(next);
  }
}

/** Returns the visible range after a key press, null for keys that charts ignore. */
function nextRange(key: string, range: Range, full: Range): Range | null {
  switch (key) {
    case '+':
    case '=':
      return zoomed(range, 1 / 2, full);
    case '-':
      return zoomed(range, 2, full);
    case 'ArrowLeft':
      return panned(range, -1 / 4, full);
    case 'ArrowRight':
      return panned(range, 1 / 4, full);
    case '0':
    case 'Escape':
      return full;
    default:
      return null;
  }
}

/** Returns the planned training for a live run, and the completed steps for an ended one. */
function fullRange(shown: ShownRun): Range {
  const { stepsDone, length, epochs } = shown.history;
  // A run that does not count steps has its epochs on the axis.
  const done = Math.max(stepsDone, epochs.at(-1)?.step ?? 0);
  const planned = length.totalSteps ?? Math.max(done, 1);
  return { min: 0, max: isLive(shown.run.state) || done === 0 ? planned : done };
}
