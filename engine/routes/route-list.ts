/**
 * The routes of a workspace, as `routes.json` has them: read at the start and after each save,
 * changed through edits of the text. A broken file keeps the routes that were there, and says where
 * it is broken.
 *
 * States: opened (read once), watching, closed.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { problemText } from '../files/checked-jsonc.ts';
import type { FileProblem } from '../files/checked-jsonc.ts';
import type { Clock } from '../base/clock.ts';
import { FileFollower } from '../files/file-follower.ts';
import { readRoutes } from './route-file.ts';
import type { Route } from './route.ts';

export interface RouteListOptions {
  readonly file: string;
  readonly clock: Clock;
  /** Takes the routes into force. @throws {Error} they cannot be used; the old ones stay */
  readonly onRoutes: (routes: readonly Route[]) => void;
  /** The problem of the file has changed. */
  readonly onProblem: (problem: FileProblem | null) => void;
}

export class RouteList {
  readonly #options: RouteListOptions;
  #text = '';
  #routes: readonly Route[] = [];
  #problem: FileProblem | null = null;
  readonly #follower: FileFollower;

  constructor(options: RouteListOptions) {
    const { file, clock, onProblem } = options;
    this.#options = options;
    this.#follower = new FileFollower({
      ...{ files: [file], clock },
      onHint: () => this.#take(this.#read()),
      onError: ({ message }) => onProblem({ line: 0, column: 1, message }),
    });
    this.#take(this.#read());
  }

  get routes(): readonly Route[] {
    return this.#routes;
  }

  get problem(): FileProblem | null {
    return this.#problem;
  }

  /** Resolves when saves from now on will be seen. */
  async watch(): Promise<void> {
    await this.#follower.start();
    this.#follower.hint();
  }

  async close(): Promise<void> {
    await this.#follower.close();
  }

  /**
   * Edits the file as it is now and takes the result into force.
   * @throws {Error} the file is broken, or would be; nothing changed then
   */
  edit(change: (text: string) => string): void {
    this.#take(this.#read());
    if (this.#problem !== null) {
      const where = problemText('routes.json', this.#problem);
      throw new Error(`Cannot change routes.json: ${where}, expected a valid file`);
    }
    const next = change(this.#text);
    if (next === this.#text) return;
    const read = readRoutes(next);
    if (!read.ok) throw new Error(`Cannot change routes.json: ${read.problem.message}`);
    this.#options.onRoutes(read.routes);
    this.#routes = read.routes;
    this.#text = next;
    this.#write(next);
  }

  /** The routes of this text, or its problem. */
  #take(text: string): void {
    if (text === this.#text) return;
    this.#text = text;
    const read = readRoutes(text);
    if (!read.ok) return this.#say(read.problem);
    try {
      this.#options.onRoutes(read.routes);
      this.#routes = read.routes;
      this.#say(null);
    } catch (error) {
      this.#say({ line: 1, column: 1, message: (error as Error).message });
    }
  }

  #say(problem: FileProblem | null): void {
    const isSame = problem === null && this.#problem === null;
    this.#problem = problem;
    if (!isSame) this.#options.onProblem(problem);
  }

  #read(): string {
    try {
      return readFileSync(this.#options.file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
      throw error;
    }
  }

  /** Whole or not at all. */
  #write(text: string): void {
    const next = `${this.#options.file}.next`;
    writeFileSync(next, text);
    renameSync(next, this.#options.file);
  }
}
