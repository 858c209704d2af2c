import { color } from 'chart.js/helpers';
import type { CurveColour } from './curves';

/** The colours that charts are drawn in; the stylesheet derives them from VS Code's theme. */
export interface ChartTheme {
  readonly curves: Readonly<Record<CurveColour, string>>;
  readonly grid: string;
  readonly text: string;
  readonly tooltipBackground: string;
  readonly tooltipText: string;
  readonly tooltipBorder: string;
  readonly fontFamily: string;
}

/** The theme as it is now. */
export function readTheme(): ChartTheme {
  const style = getComputedStyle(document.body);
  const read = (name: string) => style.getPropertyValue(name).trim();
  return {
    curves: {
      training: opaque(read('--curve-training')),
      validation: opaque(read('--curve-validation')),
      rate: opaque(read('--curve-rate')),
      best: opaque(read('--curve-best')),
    },
    grid: faint(style.color, Number(read('--chart-grid-strength'))),
    text: read('--chart-text'),
    tooltipBackground: read('--tooltip-background'),
    tooltipText: read('--tooltip-text'),
    tooltipBorder: read('--tooltip-border'),
    fontFamily: style.fontFamily,
  };
}

/** Calls back when the theme changes: VS Code then sets the body's classes and the root's variables. */
export function onThemeChange(listener: () => void): void {
  const observer = new MutationObserver(listener);
  const attributes = { attributes: true, attributeFilter: ['class', 'style', 'data-vscode-theme-id'] };
  observer.observe(document.body, attributes);
  observer.observe(document.documentElement, attributes);
}

/** A colour as a curve is drawn in it: that of some themes is for overlays, and a thin line in it is hardly seen. */
function opaque(colour: string): string {
  return faint(colour, 1);
}

/** `colour` with `alpha` from 0 (clear) to 1. */
export function faint(colour: string, alpha: number): string {
  return color(colour).alpha(alpha).rgbString();
}
