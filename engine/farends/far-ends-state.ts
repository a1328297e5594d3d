/**
 * What the far ends keep below `.postyard/`: the ports they were given, so that routes and
 * bookmarks stay right, and the JSON Schema that `far-ends.json` refers to. Without a folder
 * nothing is kept.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { farEndsJsonSchema } from './far-ends-file.ts';

const PORTS = 'far-end-ports.json';
const SCHEMA = 'far-ends.schema.json';

export class FarEndsState {
  readonly #folder: string | null;
  #ports: Readonly<Record<string, number>> = {};

  constructor(folder: string | null) {
    this.#folder = folder;
  }

  async load(): Promise<void> {
    const folder = this.#folder;
    if (folder === null) return;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await this.#write(SCHEMA, `${JSON.stringify(farEndsJsonSchema(), null, 2)}\n`);
    const text = await readFile(join(folder, PORTS), 'utf8').catch(() => '{}');
    try {
      this.#ports = JSON.parse(text) as Record<string, number>;
    } catch {
      // Written by hand, or cut off: the ports are given anew.
      this.#ports = {};
    }
  }

  portOf(name: string): number | null {
    return this.#ports[name] ?? null;
  }

  nameAt(port: number): string | null {
    return Object.entries(this.#ports).find(([, known]) => known === port)?.[0] ?? null;
  }

  /** Adds these; a port belongs to the last one that had it. */
  async remember(ports: Readonly<Record<string, number>>): Promise<void> {
    const taken = new Set(Object.values(ports));
    const others = Object.entries(this.#ports).filter(([, port]) => !taken.has(port));
    this.#ports = { ...Object.fromEntries(others), ...ports };
    await this.#write(PORTS, `${JSON.stringify(this.#ports)}\n`);
  }

  /** Where a far end's mail is kept. */
  mailFolder(name: string): string | null {
    return this.#folder === null ? null : join(this.#folder, 'far-ends', name);
  }

  async #write(name: string, text: string): Promise<void> {
    if (this.#folder === null) return;
    const file = join(this.#folder, name);
    if ((await readFile(file, 'utf8').catch(() => '')) === text) return;
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  }
}
