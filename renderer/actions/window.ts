/** The window itself: palette, keys, theme, panes. */
import type { Action } from '../actions.ts';
import { TABS } from '../screens/message/tabs.ts';
import type { Theme } from '../state/preferences.svelte.ts';
import type { Postyard } from '../state/postyard.svelte.ts';

function themeAction(theme: Theme, label: string, icon: Action['icon']): Action {
  return {
    id: `theme-${theme}`,
    label,
    group: 'Window',
    ...(icon ? { icon } : {}),
    hint: (yard) => (yard.preferences.chosen.theme === theme ? 'in use' : ''),
    run: (yard) => yard.preferences.change({ theme }),
  };
}

function stepTab(yard: Postyard, by: number): void {
  const names = TABS.map(({ name }) => name);
  const at = names.indexOf(yard.preferences.chosen.tab);
  const tab = names[(at + by + names.length) % names.length];
  if (tab) yard.preferences.change({ tab });
}

export const WINDOW_ACTIONS: readonly Action[] = [
  {
    id: 'palette',
    label: 'Commands',
    group: 'Window',
    keys: ['Mod+K'],
    icon: 'search',
    isSilent: true,
    run: (yard) => yard.place.openOverlay('palette'),
  },
  {
    id: 'keys',
    label: 'All keys',
    group: 'Window',
    keys: ['?'],
    icon: 'keys',
    run: (yard) => yard.place.openOverlay('keys'),
  },
  {
    id: 'tab-next',
    label: 'Next tab',
    group: 'This message',
    keys: [']'],
    screens: ['mail', 'maildir'],
    icon: 'right',
    refusal: (yard) => (yard.opened.seq === null ? 'No message is open' : null),
    run: (yard) => stepTab(yard, 1),
  },
  {
    id: 'tab-before',
    label: 'Tab before',
    group: 'This message',
    keys: ['['],
    screens: ['mail', 'maildir'],
    icon: 'right',
    refusal: (yard) => (yard.opened.seq === null ? 'No message is open' : null),
    run: (yard) => stepTab(yard, -1),
  },
  {
    id: 'detail-side',
    label: 'Details right or below',
    group: 'Window',
    keys: ['\\'],
    screens: ['mail', 'maildir'],
    icon: 'split',
    hint: (yard) => yard.preferences.chosen.detailSide,
    run: (yard) =>
      yard.preferences.change({
        detailSide: yard.preferences.chosen.detailSide === 'right' ? 'bottom' : 'right',
      }),
  },
  {
    id: 'send-test',
    label: 'Send a test message',
    cli: 'send --to ADDRESS',
    group: 'Window',
    icon: 'send',
    hint: (yard) => yard.engine.smtpAddress ?? '',
    refusal: (yard) => (yard.engine.smtpAddress === null ? 'No SMTP listener is open' : null),
    run: async (yard) => {
      const { ok, reply, to } = await yard.api.sendTest({});
      yard.toasts.say(ok ? `Sent to ${to}: ${reply}` : `Not sent: ${reply}`);
    },
  },
  {
    id: 'policy-error',
    label: 'Show the policy’s error',
    cli: 'doctor',
    group: 'Window',
    icon: 'warn',
    hint: (yard) => yard.engine.status?.policy.error?.message ?? '',
    refusal: (yard) => (yard.engine.status?.policy.error ? null : 'The policy has no error'),
    run: (yard) => {
      const error = yard.engine.status?.policy.error;
      if (error) {
        yard.place.openSource({ file: error.file, line: error.line, error: error.message });
      }
    },
  },
  {
    id: 'warnings',
    label: 'Show the warnings',
    cli: 'doctor',
    group: 'Window',
    icon: 'warn',
    hint: (yard) => yard.engine.status?.warnings[0] ?? '',
    refusal: (yard) => (yard.engine.status?.warnings.length ? null : 'There are no warnings'),
    run: (yard) => yard.toasts.fail(yard.engine.status?.warnings.join(' · ')),
  },
  {
    id: 'restart',
    label: 'Restart the engine',
    group: 'Window',
    icon: 'again',
    hint: (yard) => yard.engine.status?.policy.needsRestart ?? '',
    refusal: (yard) => (yard.engine.status === null ? 'The engine is not there' : null),
    run: async (yard) => {
      await yard.api.restart();
      yard.toasts.say('Restarting: nothing that was accepted is lost');
    },
  },
  {
    id: 'copy-workspace',
    label: 'Copy the workspace’s path',
    group: 'Window',
    icon: 'folder',
    hint: (yard) => yard.engine.status?.workspace ?? '',
    run: async (yard) => {
      await navigator.clipboard.writeText(yard.engine.status?.workspace ?? '');
      yard.toasts.say('Copied the path');
    },
  },
  themeAction('system', 'Theme as the system’s', 'desktop'),
  themeAction('light', 'Light theme', 'sun'),
  themeAction('dark', 'Dark theme', 'moon'),
];
