/**
 * Writes test/fixtures/schedules.json: the command-line options of each system for schedules of every kind. Then
 * schedules.py adds the learning rate of every step, computed by the scheduler that the system creates from them:
 *
 *     node bench/bundle.mjs parity/schedules && node dist/bench/schedules.js
 *     python3 bench/parity/schedules.py        # needs torch and timm
 */
import { writeFileSync } from 'node:fs';
import { scheduleCommands } from '../../test/support/scheduleCases';

writeFileSync('test/fixtures/schedules.json', `${JSON.stringify(scheduleCommands(), null, 1)}\n`);
