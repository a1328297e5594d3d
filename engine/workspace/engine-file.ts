/**
 * One engine per workspace: a lock that survives nothing (a stale one is recognised by its pid),
 * and the file by which commands, the window and tests find the engine that holds it.
 */
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import type { WorkspaceLayout } from './layout.ts';

export interface EngineFile {
  readonly pid: number;
  readonly url: string;
  readonly token: string;
  readonly smtp: string | null;
}

/** The workspace is in use by a living engine. */
export class WorkspaceInUse extends Error {
  readonly pid: number;

  constructor(root: string, pid: number) {
    super(
      `Cannot open the workspace ${root}: an engine with pid ${pid} has it open already; its window: postyard open`,
    );
    this.name = 'WorkspaceInUse';
    this.pid = pid;
  }
}

/**
 * Takes the workspace's lock for this process.
 *
 * @returns a function that gives it back
 * @throws {WorkspaceInUse}
 */
export function lockWorkspace(layout: WorkspaceLayout): () => void {
  for (let tries = 0; ; tries++) {
    try {
      const file = openSync(layout.lockFile, 'wx', 0o600);
      writeSync(file, `${process.pid}\n`);
      closeSync(file);
      return () => rmSync(layout.lockFile, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || tries > 2) throw error;
      const pid = Number.parseInt(readFileSync(layout.lockFile, 'utf8'), 10);
      if (Number.isInteger(pid) && pid !== process.pid && isAlive(pid))
        throw new WorkspaceInUse(layout.root, pid);
      rmSync(layout.lockFile, { force: true });
    }
  }
}

export function writeEngineFile(layout: WorkspaceLayout, content: EngineFile): void {
  writeFileSync(layout.engineFile, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
}

/** The token of earlier starts; undefined when there was none, or its file is not one of ours. */
export function keptToken(layout: WorkspaceLayout): string | undefined {
  if (!existsSync(layout.tokenFile)) return undefined;
  const text = readFileSync(layout.tokenFile, 'utf8').trim();
  return /^[\w-]{32,}$/.test(text) ? text : undefined;
}

export function keepToken(layout: WorkspaceLayout, token: string): void {
  writeFileSync(layout.tokenFile, `${token}\n`, { mode: 0o600 });
}

export function removeEngineFile(layout: WorkspaceLayout): void {
  rmSync(layout.engineFile, { force: true });
}

/** The running engine of this workspace, or null when there is none (a stale file counts as none). */
export function readEngineFile(layout: WorkspaceLayout): EngineFile | null {
  if (!existsSync(layout.engineFile)) return null;
  try {
    const content = JSON.parse(readFileSync(layout.engineFile, 'utf8')) as EngineFile;
    const token = process.env['POSTYARD_TOKEN'] ?? content.token;
    return isAlive(content.pid) ? { ...content, token } : null;
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
