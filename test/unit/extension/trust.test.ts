import { describe, expect, test } from 'vitest';
import packageJson from '../../../package.json';

const { capabilities, contributes } = packageJson;

describe('in an untrusted workspace', () => {
  test('no setting with a path or a program, or that allows files anywhere, is read from the workspace', () => {
    const paths = Object.entries(contributes.configuration.properties)
      .filter(([, setting]) => setting.type === 'string' && !('enum' in setting))
      .map(([name]) => name);
    expect([...capabilities.untrustedWorkspaces.restrictedConfigurations].sort()).toEqual(
      [...paths, 'bagOfTricks.filesOutside'].sort(),
    );
  });

  test('no command that starts a trainer is enabled', () => {
    const enabled = contributes.commands
      .filter(({ command }) => ['bagOfTricks.run', 'bagOfTricks.resume'].includes(command))
      .map((command) => ('enablement' in command ? command.enablement : ''));
    expect(enabled).toHaveLength(2);
    for (const condition of enabled) expect(condition).toContain('isWorkspaceTrusted');
  });
});
