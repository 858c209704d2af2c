export { analyzeStudy } from './analyzeStudy';
export type { StudyInput } from './input';
