/**
 * The far ends of a workspace: read from `far-ends.json`, started, and kept as the file says
 * whenever it is saved. A file with a mistake changes nothing; the mistake is shown with its line.
 * One far end is always there without being written down: `sink`, which accepts everything, so that
 * magic addresses work in every workspace.
 *
 * States: new, loaded (known, nobody listens: dry runs), started (listens, follows the file), closed.
 * Invariant: one change of the set at a time.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { toError } from '../base/assert.ts';
import { problemText } from '../files/checked-jsonc.ts';
import type { FileProblem } from '../files/checked-jsonc.ts';
import type { Clock } from '../base/clock.ts';
import { FileFollower } from '../files/file-follower.ts';
import { CapturedMails } from './captured-mail.ts';
import type { CapturedMail } from './captured-mail.ts';
import { FarEndCertificates } from './certificates.ts';
import { FarEnd } from './far-end.ts';
import { farEndSchema } from './far-end-schema.ts';
import type { FarEndSpec } from './far-end-schema.ts';
import {
  checkFarEnd,
  namesIn,
  readFarEnds,
  withFarEnd,
  withSwitch,
  withoutFarEnd,
  writtenFarEnd,
} from './far-ends-file.ts';
import { FarEndsState } from './far-ends-state.ts';

interface FarEndsParts {
  /** `far-ends.json`. */
  readonly file: string;
  /** For ports, authority, received mail and the schema; null keeps everything in memory. */
  readonly stateFolder: string | null;
  readonly mailClock: Clock;
  readonly clock: Clock;
  readonly onTrouble: (text: string) => void;
  /** What is wrong with the file, with its line; null when it is fine again. */
  readonly onProblem?: (text: string | null) => void;
  /** Other addresses than before: routes that lead there have to be looked at again. */
  readonly onAddresses?: () => void;
}

export const BUILT_IN = 'sink';

const HOST = '127.0.0.1';
const FILE_BYTES_MAX = 1024 * 1024;

export class FarEnds {
  /** PEM of the authority behind good certificates, once one is shown: the delivering client trusts it. */
  readonly authorities: string[] = [];
  readonly #parts: FarEndsParts;
  readonly #state: FarEndsState;
  readonly #certificates: FarEndCertificates;
  readonly #farEnds = new Map<string, FarEnd>();
  readonly #listeners = new Set<() => void>();
  #isStarted = false;
  #addresses = '';
  #problem: FileProblem | null = null;
  /** What the file said when it was last without a mistake. */
  #written: readonly FarEndSpec[] = [];
  #text = '';
  readonly #follower: FileFollower;
  #work: Promise<void> = Promise.resolve();

  constructor(parts: FarEndsParts) {
    this.#parts = parts;
    this.#state = new FarEndsState(parts.stateFolder);
    this.#certificates = new FarEndCertificates(parts.stateFolder, parts.clock);
    this.#follower = new FileFollower({
      ...{ files: [parts.file], clock: parts.clock },
      onHint: () => this.#look(),
      onError: ({ message }) => parts.onTrouble(message),
    });
  }

  /** Knows the far ends and where they were; nobody listens yet. */
  async load(): Promise<void> {
    await this.#state.load();
    await this.reload();
  }

  /** Listens, and follows the file from here on. */
  async start(): Promise<void> {
    this.#isStarted = true;
    await this.reload();
    await this.#follower.start();
  }

  get file(): string {
    return this.#parts.file;
  }

  /** What is wrong with the file; the far ends are those from before then. */
  get problem(): FileProblem | null {
    return this.#problem;
  }

  /** As the file orders them; the built-in one last unless the file has one of its name. */
  list(): readonly FarEnd[] {
    return [...this.#farEnds.values()];
  }

  find(name: string): FarEnd | null {
    return this.#farEnds.get(name) ?? null;
  }

  /** Where a far end listens, or will; null when there is none of this name, or it is off. */
  addressOf(name: string): { host: string; port: number } | null {
    const farEnd = this.#farEnds.get(name);
    if (!farEnd?.spec.on) return null;
    const port = farEnd.port ?? (this.#isStarted ? null : this.#expectedPort(farEnd));
    return port === null ? null : { host: HOST, port };
  }

  /** The far end at a port, also of an earlier run. */
  nameAt(port: number): string | null {
    for (const [name, farEnd] of this.#farEnds) if (farEnd.port === port) return name;
    return this.#state.nameAt(port);
  }

  /** The message that was acknowledged with this text at this port; null: none, or not kept any more. */
  receivedAt(port: number, reply: string): { name: string; mail: CapturedMail } | null {
    const name = this.nameAt(port);
    const farEnd = name === null ? undefined : this.#farEnds.get(name);
    if (name === null || !farEnd) return null;
    const { mails } = farEnd.captured.list(Number.MAX_SAFE_INTEGER, null);
    const mail = mails.find(({ id }) => reply.includes(id));
    return mail ? { name, mail } : null;
  }

  /** Called after anything that a list shows has changed. Returns what ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads the file now. */
  reload(): Promise<void> {
    return this.#inOrder(async () => {
      this.#text = await this.#readText();
      const read = readFarEnds(this.#text);
      this.#problem = read.ok ? null : read.problem;
      if (read.ok) this.#written = read.farEnds;
      await this.#become(this.#written);
      this.#parts.onProblem?.(this.problemText());
      this.#changed();
    });
  }

  /** `far-ends.json:12:5: farEnds[1].port: …`; null when the file is fine. */
  problemText(): string | null {
    return this.#problem && problemText(basename(this.file), this.#problem);
  }

  /** Its place in the file; undefined when it is not there. */
  placeOf(name: string): number | undefined {
    const index = namesIn(this.#text).indexOf(name);
    return index < 0 ? undefined : index;
  }

  /** What the file says of a far end, without defaults; null when it says nothing. */
  written(name: string): Readonly<Record<string, unknown>> | null {
    return writtenFarEnd(this.#text, name);
  }

  /**
   * Adds or changes one, in the file.
   *
   * @throws {Error} it is not a far end, or the file has a mistake of its own
   */
  async put(value: Readonly<Record<string, unknown>>, at?: number): Promise<void> {
    const checked = checkFarEnd(value);
    if (!checked.ok) throw new Error(`Cannot keep the far end: ${checked.why}`);
    await this.#edit((text) => withFarEnd(text, value, at));
  }

  /** @returns whether there was one in the file */
  async remove(name: string): Promise<boolean> {
    const hadIt = this.written(name) !== null;
    if (hadIt) await this.#edit((text) => withoutFarEnd(text, name));
    return hadIt;
  }

  /** Turns it on or off; the built-in one is written down when it is turned off. */
  async switch(name: string, isOn: boolean): Promise<void> {
    await this.#edit((text) =>
      writtenFarEnd(text, name) === null
        ? withFarEnd(text, { name, on: isOn })
        : withSwitch(text, name, isOn),
    );
  }

  async close(): Promise<void> {
    await this.#follower.close();
    await this.#work;
    await Promise.all(this.list().map((farEnd) => farEnd.stop()));
    this.#listeners.clear();
  }

  async #edit(change: (text: string) => string): Promise<void> {
    if (this.#problem !== null) {
      throw new Error(
        `Cannot change the far ends: ${this.problemText() ?? ''}, expected no mistake`,
      );
    }
    await this.#inOrder(async () => {
      const before = await this.#readText();
      await mkdir(dirname(this.file), { recursive: true });
      await writeFile(`${this.file}.new`, change(before));
      await rename(`${this.file}.new`, this.file);
    });
    await this.reload();
  }

  /** Makes the set what the file says: starts, changes and stops, and leaves alone what is the same. */
  async #become(wanted: readonly FarEndSpec[]): Promise<void> {
    const specs = wanted.some(({ name }) => name === BUILT_IN)
      ? wanted
      : [...wanted, farEndSchema.parse({ name: BUILT_IN })];
    const kept = new Map(this.#farEnds);
    this.#farEnds.clear();
    for (const spec of specs) {
      const known = kept.get(spec.name);
      kept.delete(spec.name);
      const farEnd = known ?? (await this.#make(spec));
      this.#farEnds.set(spec.name, farEnd);
      if (known) await this.#update(known, spec);
    }
    for (const farEnd of kept.values()) await farEnd.stop();
    // Ports written down come first, so that none of them is given away as "any".
    const inOrder = this.list().toSorted(
      (a, b) => Number(a.spec.port === 0) - Number(b.spec.port === 0),
    );
    if (this.#isStarted) for (const farEnd of inOrder) await this.#start(farEnd);
    await this.#takeNotes();
  }

  async #update(farEnd: FarEnd, spec: FarEndSpec): Promise<void> {
    const before = farEnd.spec;
    if (JSON.stringify(before) === JSON.stringify(spec)) return;
    const hasMoved = before.port !== spec.port && spec.port !== farEnd.port;
    if (!spec.on || hasMoved) await farEnd.stop();
    await farEnd.apply(spec);
  }

  async #start(farEnd: FarEnd): Promise<void> {
    const { name, port, on } = farEnd.spec;
    if (!on || farEnd.port !== null) return;
    const remembered = this.#state.portOf(name);
    const any = remembered === null ? [0] : [remembered, 0];
    await farEnd.start(port === 0 ? any : [port]);
    const { problem } = farEnd.status;
    if (problem !== null) this.#parts.onTrouble(`far end ${name} does not listen: ${problem}`);
  }

  async #make(spec: FarEndSpec): Promise<FarEnd> {
    const { mailClock, clock } = this.#parts;
    return new FarEnd(spec, {
      mailClock,
      clock,
      certificates: this.#certificates,
      captured: await CapturedMails.open(this.#state.mailFolder(spec.name)),
      onChange: () => this.#changed(),
    });
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  async #readText(): Promise<string> {
    try {
      const text = await readFile(this.file, 'utf8');
      if (text.length <= FILE_BYTES_MAX) return text;
      this.#parts.onTrouble(`${this.file} has ${text.length} bytes, expected ${FILE_BYTES_MAX}`);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT') this.#parts.onTrouble(toError(error).message);
    }
    return '';
  }

  /** What has to be known elsewhere: the authority, the ports, and that addresses are others now. */
  async #takeNotes(): Promise<void> {
    const showsGood = this.list().some(({ spec }) => spec.tls !== 'none');
    if (this.#isStarted && showsGood && this.authorities.length === 0)
      this.authorities.push(await this.#certificates.authority());
    const ports: Record<string, number> = {};
    for (const { port, spec } of this.list()) if (port !== null) ports[spec.name] = port;
    // A broken file names no far ends; those of before are found where they were when it is mended.
    if (this.#isStarted && this.#problem === null) await this.#state.remember(ports);
    const addresses = JSON.stringify(ports);
    if (addresses === this.#addresses) return;
    this.#addresses = addresses;
    this.#parts.onAddresses?.();
  }

  #expectedPort({ spec }: FarEnd): number | null {
    return spec.port === 0 ? this.#state.portOf(spec.name) : spec.port;
  }

  async #look(): Promise<void> {
    if ((await this.#readText()) !== this.#text) await this.reload();
  }

  #inOrder(change: () => Promise<void>): Promise<void> {
    const run = this.#work.then(change);
    this.#work = run.catch(() => {});
    return run;
  }
}
