import * as vscode from 'vscode';
import { studyDescription, studyFactsList } from '../../insight/study/results/studySummary';
import type { RunState } from '../../protocol/manifest';
import type { KnownStudy, StudyState } from '../../protocol/studyView';
import { visibleText } from '../../shared/visibleText';
import { type Icon, stateIcon } from './runText';

/** A study's row in the sidebar: its name, its progress or result, and the facts of its tooltip. */
export interface StudyRow {
  readonly label: string;
  readonly description: string;
  /** Context value for the menus: `study.running` and so on. */
  readonly context: string;
  readonly icon: Icon;
  readonly facts: readonly { readonly label: string; readonly value: string }[];
}

export function studyRow(study: KnownStudy): StudyRow {
  if (study.kind === 'damaged') {
    const { what, remedy } = study.failure;
    return {
      label: study.id,
      description: what,
      context: 'study.damaged',
      icon: { id: 'warning', color: 'list.warningForeground' },
      facts: [{ label: vscode.l10n.t('Reason'), value: `${what} ${remedy}` }],
    };
  }
  const { facts } = study;
  return {
    label: facts.name,
    description: visibleText(studyDescription(facts)),
    context: `study.${facts.state.status}`,
    icon: stateIcon(runStateOf(facts.state)),
    facts: studyFactsList(facts),
  };
}

/** The run state that shares its icon with a study's state. */
function runStateOf({ status }: StudyState): Pick<RunState, 'status'> {
  return { status: status === 'waiting' ? 'queued' : status };
}
