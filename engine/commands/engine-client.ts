/** The running engine of a workspace, as commands ask it: its API with the token of `engine.json`. */
import { readEngineFile } from '../workspace/engine-file.ts';
import { findWorkspace } from '../workspace/layout.ts';
import type { WorkspaceLayout } from '../workspace/layout.ts';
import type { ApiError } from '../api/protocol.ts';
import { callersFolder } from './command.ts';

type EngineRequest = RequestInit & { headers?: Record<string, string> };

/** An error answer of the engine, in its own words. */
export class EngineProblem extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'EngineProblem';
    this.code = code;
  }
}

/** On stderr; status 3 is due. */
export function sayNoEngine({ root }: WorkspaceLayout, more = ''): void {
  const isFoundAnyway = findWorkspace(undefined, callersFolder()).root === root;
  const which = isFoundAnyway ? '' : ` --workspace ${shellWord(root)}`;
  process.stderr.write(
    `No engine is running for ${root}; start one with: postyard serve${which}${more}\n`,
  );
}

/** As it can be pasted into a shell. */
export function shellWord(text: string): string {
  return /^[\w./:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

export class EngineClient {
  readonly #url: string;
  readonly #token: string;

  private constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  /** Null when no engine runs there; that has been said on stderr, and status 3 is due. */
  static find(workspace: string | undefined): EngineClient | null {
    const layout = findWorkspace(workspace, callersFolder());
    const engine = readEngineFile(layout);
    if (engine !== null) return new EngineClient(engine.url, engine.token);
    sayNoEngine(layout);
    return null;
  }

  get<T>(path: string): Promise<T> {
    return this.#ask<T>(path, {});
  }

  post<T>(path: string, body: object): Promise<T> {
    return this.#ask<T>(path, posted(body));
  }

  send<T>(method: 'PUT' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<T> {
    return this.#ask<T>(path, {
      method,
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    });
  }

  /** An answer that is text, piece by piece as it comes. */
  text(path: string): AsyncGenerator<Uint8Array> {
    return this.#pieces(path, {});
  }

  /** The same for what is asked with a body, and may be any bytes. */
  bytes(path: string, body: object): AsyncGenerator<Uint8Array> {
    return this.#pieces(path, posted(body));
  }

  async *#pieces(path: string, init: EngineRequest): AsyncGenerator<Uint8Array> {
    const reader = (await this.#respond(path, init)).body?.getReader();
    for (let read = await reader?.read(); read?.done === false; read = await reader?.read())
      yield read.value;
  }

  async #ask<T>(path: string, init: EngineRequest): Promise<T> {
    const response = await this.#respond(path, init);
    return (await response.json()) as T;
  }

  /** @throws {EngineProblem} with the engine's own words */
  async #respond(path: string, init: EngineRequest): Promise<Response> {
    const response = await fetch(`${this.#url}/api/v1${path}`, {
      ...init,
      headers: { ...init.headers, authorization: `Bearer ${this.#token}` },
    });
    if (response.ok) return response;
    const problem = (await response.json().catch(() => null)) as ApiError | null;
    throw new EngineProblem(
      problem?.error.code ?? 'unknown',
      problem?.error.message ?? `${path} answered ${response.status}`,
    );
  }
}

function posted(body: object): EngineRequest {
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  };
}
