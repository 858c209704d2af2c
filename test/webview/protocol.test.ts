import { describe, expect, test } from 'vitest';
import { pageHtml } from '../../src/extension/views/pageHtml';
import { isDashboardState, isFromDashboard, isToDashboard } from '../../src/protocol/dashboard';
import { doneEvent, runView, sampleRecipe, trainingEvents } from './runs';

const recipe = sampleRecipe();
const run = runView(recipe);
const events = [...trainingEvents(recipe, 100), doneEvent(recipe)];
const delta = { type: 'delta', folder: 'run-1', state: { status: 'queued' }, events };

describe('message guards', () => {
  test.each([{ type: 'snapshot', run, events }, delta, { type: 'clear', reason: 'Deleted.' }])(
    '$type is for the dashboard',
    (message) => {
      expect(isToDashboard(message)).toBe(true);
      expect(isToDashboard(JSON.parse(JSON.stringify(message)))).toBe(true);
      expect(isFromDashboard(message)).toBe(false);
    },
  );

  test.each([
    ['nothing', null],
    ['a word', 'snapshot'],
    ['an object without a type', {}],
    ['a snapshot of nothing', { type: 'snapshot' }],
    ['a run whose folder is a number', { type: 'snapshot', run: { ...run, folder: 3 }, events }],
    ['an unheard-of state', { type: 'snapshot', run: { ...run, state: { status: 'toString' } }, events }],
    ['an unheard-of event', { ...delta, events: [{ type: 'constructor' }] }],
    ['events that are no list', { ...delta, events: {} }],
    ['a state that is a word', { ...delta, state: 'done' }],
    ['clear without a reason', { type: 'clear' }],
  ])('%s is not for the dashboard', (_, message) => {
    expect(isToDashboard(message)).toBe(false);
  });

  test.each(['stop', 'pause', 'resume', 'openExperiment', 'openLog', 'runAgain', 'runFile', 'restoreFile'])(
    '%s requires a run',
    (type) => {
      expect(isFromDashboard({ type, folder: 'run-1' })).toBe(true);
      expect(isFromDashboard({ type })).toBe(false);
    },
  );

  test('a saved state has its run and its table', () => {
    expect(isDashboardState({ folder: 'run-1', showTable: true })).toBe(true);
    for (const value of [undefined, null, { folder: 'run-1' }, { folder: 1, showTable: true }]) {
      expect(isDashboardState(value)).toBe(false);
    }
  });
});

describe('page', () => {
  const html = pageHtml({
    scriptUri: 'https://host/a"><script>bad()</script>.js',
    styleUri: 'https://host/dashboard.css',
    cspSource: 'https://*.host',
    nonce: 'n0nce',
    language: 'de',
    translations: { Stop: '"><img src=x>' },
  });

  test('its policy forbids everything but its script and its stylesheet', () => {
    expect(html).toContain("default-src 'none'; script-src 'nonce-n0nce'; style-src https://*.host;");
    expect(html).not.toContain('unsafe-');
  });

  test('inserted values stay attributes', () => {
    expect(html).not.toContain('<script>bad()');
    expect(html).not.toContain('<img');
    expect(html).toContain('&quot;&gt;&lt;img src=x&gt;');
  });
});
