import { color } from 'chart.js/helpers';
import type { CurveColor } from './curves';

/** The colors of the charts. The stylesheet derives them from VS Code's theme. */
export interface ChartTheme {
  readonly curves: Readonly<Record<CurveColor, string>>;
  readonly grid: string;
  readonly text: string;
  readonly tooltipBackground: string;
  readonly tooltipText: string;
  readonly tooltipBorder: string;
  readonly fontFamily: string;
}

/** Reads the current theme. */
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

/** Calls the listener when the theme changes: VS Code then updates the body's classes and the root's variables. */
export function onThemeChange(listener: () => void): void {
  const observer = new MutationObserver(listener);
  const attributes = { attributes: true, attributeFilter: ['class', 'style', 'data-vscode-theme-id'] };
  observer.observe(document.body, attributes);
  observer.observe(document.documentElement, attributes);
}

/** Makes a curve's color opaque. Some themes define it for overlays, and a thin line would be barely visible. */
function opaque(color: string): string {
  return faint(color, 1);
}

/** Returns a CSS color with `alpha` from 0 (transparent) to 1. */
export function faint(css: string, alpha: number): string {
  return color(css).alpha(alpha).rgbString();
}
