import { type DashboardState, type FromDashboard, isDashboardState } from '../src/protocol/dashboard';
import { connectHost } from './vscodeApi';

/** The dashboard's connection to the extension host. */
export const { post, savedState, saveState } = connectHost<FromDashboard, DashboardState>(isDashboardState);
