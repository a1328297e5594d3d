/** The commands, in the order in which `--help` lists them; one is loaded when it is called. */
import type { Command } from './command.ts';

export { UsageError } from './command.ts';

interface CommandEntry {
  readonly name: string;
  load(): Promise<Command>;
}

export const COMMANDS: readonly CommandEntry[] = [
  { name: 'serve', load: async () => (await import('./serve.ts')).serve },
  { name: 'open', load: async () => (await import('./open.ts')).open },
  { name: 'send', load: async () => (await import('./send.ts')).send },
  { name: 'wait', load: async () => (await import('./wait.ts')).wait },
  { name: 'mail', load: async () => (await import('./mail.ts')).mail },
  { name: 'explain', load: async () => (await import('./explain.ts')).explain },
  { name: 'check', load: async () => (await import('./check.ts')).check },
  { name: 'replay', load: async () => (await import('./replay.ts')).replay },
  { name: 'route', load: async () => (await import('./route.ts')).route },
  { name: 'queue', load: async () => (await import('./queue.ts')).queue },
  { name: 'suppress', load: async () => (await import('./suppress.ts')).suppress },
  { name: 'clock', load: async () => (await import('./clock.ts')).clock },
  { name: 'dns', load: async () => (await import('./dns.ts')).dns },
  { name: 'far-end', load: async () => (await import('./far-end.ts')).farEnd },
  { name: 'share', load: async () => (await import('./share.ts')).share },
  { name: 'export', load: async () => (await import('./export.ts')).exportTo },
  { name: 'doctor', load: async () => (await import('./doctor.ts')).doctor },
  { name: 'kumod', load: async () => (await import('./kumod.ts')).kumod },
];
