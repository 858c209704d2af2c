/**
 * The page of one study. Messages from the extension host change the content, which is drawn at most once per animation
 * frame.
 */
import './study.css';
import * as l10n from '@vscode/l10n';
import { render } from 'lit';
import { isToStudyPage, type ToStudyPage } from '../../src/protocol/studyPage';
import { assertNever } from '../../src/shared/assertNever';
import { post, savedState, saveState } from './host';
import { damagedPage, emptyPage, type PageActions, studyPage } from './page';

l10n.config({ contents: document.body.dataset.translations ?? '{}' });

const saved = savedState();
let message: ToStudyPage | null = null;
let showDetails = saved?.showDetails ?? false;
let pair = saved?.pair ?? null;
/** A stop is pending: the study stops only after its runs have stopped. */
let isStopping = false;
let isDrawDue = false;

const actions: PageActions = {
  request(type) {
    const folder = folderOf(message);
    if (folder === null) return;
    if (type === 'stop') isStopping = true;
    post({ type, folder });
    schedule();
  },
  openRun(run) {
    const folder = folderOf(message);
    if (folder !== null) post({ type: 'openRun', folder, run });
  },
  toggleDetails() {
    showDetails = !showDetails;
    save();
    schedule();
  },
  choosePair(label) {
    pair = label;
    save();
    schedule();
  },
};

function folderOf(shown: ToStudyPage | null): string | null {
  switch (shown?.type) {
    case 'snapshot':
      return shown.view.folder;
    case 'damaged':
      return shown.folder;
    case 'clear':
    case undefined:
      return null;
    default:
      return assertNever(shown);
  }
}

function receive(received: ToStudyPage): void {
  message = received;
  if (received.type !== 'snapshot' || received.view.state.status !== 'running') isStopping = false;
  save();
  schedule();
}

function save(): void {
  const folder = folderOf(message);
  saveState(folder === null ? undefined : { folder, showDetails, pair });
}

/** Schedules one draw in the next frame, no matter how many messages arrive before it. */
function schedule(): void {
  if (isDrawDue) return;
  isDrawDue = true;
  requestAnimationFrame(() => {
    isDrawDue = false;
    draw();
  });
}

function draw(): void {
  switch (message?.type) {
    case 'snapshot':
      render(studyPage({ view: message.view, showDetails, pair, isStopping }, actions), document.body);
      return;
    case 'damaged':
      render(damagedPage(message), document.body);
      return;
    case 'clear':
      render(emptyPage(message.reason), document.body);
      return;
    case undefined:
      return;
    default:
      assertNever(message);
  }
}

window.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
  if (isToStudyPage(data)) receive(data);
});
post({ type: 'ready' });
