/** A command of Postyard in this process: what it printed and how it ended. */
import { vi } from 'vitest';
import { COMMANDS, UsageError } from '../../engine/commands/commands.ts';

export interface CommandEnd {
  readonly status: number;
  readonly out: string;
}

/** @param args after the name, `--workspace` among them */
export async function runCommand(name: string, ...args: readonly string[]): Promise<CommandEnd> {
  const command = await COMMANDS.find((candidate) => candidate.name === name)?.load();
  if (command === undefined) throw new Error(`no command ${name}`);
  let out = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  try {
    return { status: await command.run(args), out };
  } catch (error) {
    return { status: error instanceof UsageError ? 2 : 1, out: String(error) };
  } finally {
    write.mockRestore();
  }
}
