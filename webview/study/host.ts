import { type FromStudyPage, isStudyPageState, type StudyPageState } from '../../src/protocol/studyPage';
import { connectHost } from '../vscodeApi';

/** The study page's connection to the extension host. */
export const { post, savedState, saveState } = connectHost<FromStudyPage, StudyPageState>(isStudyPageState);
