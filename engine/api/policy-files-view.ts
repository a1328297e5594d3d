/** The policy's files for an editor: list, read, check, and save only what works. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { checkLua } from '../replay/check-lua.ts';
import type { DryBench } from '../replay/dry-run.ts';
import { DryRun } from '../replay/dry-run.ts';
import { editedFiles, policyPath } from '../replay/edited-files.ts';
import type {
  PolicyCheck,
  PolicyCheckRequest,
  PolicyFile,
  PolicyFileList,
  PolicySaved,
  PolicySaveRequest,
} from './protocol.ts';
import { ApiProblem } from './route.ts';

const FILES_MAX = 1_000;

export class PolicyFilesView {
  readonly #folder: string;
  readonly #bench: () => DryBench;

  constructor(folder: string, bench: () => DryBench) {
    this.#folder = folder;
    this.#bench = bench;
  }

  list(): PolicyFileList {
    const entries = readdirSync(this.#folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.lua'))
      .slice(0, FILES_MAX);
    const files = entries.map((entry) => {
      const full = join(entry.parentPath, entry.name);
      const { size, mtimeMs } = statSync(full);
      const path = relative(this.#folder, full).split(sep).join('/');
      return { path, sizeBytes: size, changedMs: mtimeMs };
    });
    const depth = (path: string): string => `${path.split('/').length} ${path}`;
    return { files: files.sort((a, b) => (depth(a.path) < depth(b.path) ? -1 : 1)) };
  }

  /** Null: there is no such file. */
  read(path: string): PolicyFile | null {
    const text = this.#read(this.#real(path));
    return text === null ? null : { path, text, version: versionOf(text) };
  }

  async check({ path, text, files = {}, runs = false }: PolicyCheckRequest): Promise<PolicyCheck> {
    const { clock } = this.#bench();
    const problem = checkLua(text, this.#real(path), clock);
    if (problem !== null) return { ok: false, error: { path, ...problem }, handlers: [] };
    if (!runs) return { ok: true, error: null, handlers: [] };
    return this.#tryOut({ ...files, [path]: text });
  }

  /** The file is written when the policy runs with it; the engine sees the save and reloads. */
  async save({ path, text, version }: PolicySaveRequest): Promise<PolicySaved> {
    const file = this.#real(path);
    const present = this.#read(file);
    if (version !== undefined && present !== null && versionOf(present) !== version) {
      throw new ApiProblem(409, 'changed', `${path} was changed meanwhile; load it again`);
    }
    const { ok, error } = await this.check({ path, text, runs: true });
    if (!ok) return { ok, error, version: null };
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.part`, text);
    renameSync(`${file}.part`, file);
    return { ok: true, error: null, version: versionOf(text) };
  }

  /** Runs the policy with these texts, dry. An `init` that wants the network says nothing against it. */
  async #tryOut(files: Readonly<Record<string, string>>): Promise<PolicyCheck> {
    const run = await DryRun.open(this.#bench(), { edited: editedFiles(this.#folder, files) });
    try {
      const { host } = run.policy;
      const isLoaded = host.file !== null;
      const { problem } = run;
      if (isLoaded) return { ok: true, error: null, handlers: [...host.eventNames()] };
      const { file = '', line = null, message = '' } = problem ?? {};
      const path = relative(this.#folder, file).split(sep).join('/');
      return { ok: false, error: { path, line, message }, handlers: [] };
    } finally {
      await run.close();
    }
  }

  #real(path: string): string {
    try {
      return policyPath(this.#folder, path);
    } catch (error) {
      throw new ApiProblem(400, 'path', (error as Error).message);
    }
  }

  #read(file: string): string | null {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      return null;
    }
  }
}

function versionOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
