/**
 * The route tester: an envelope with its headers and metadata, and what would become of it, once
 * as it is and once with another switch. Nothing of it is sent.
 */
import type { ExplainedCase, ExplainRequest, Explanation } from '../../engine/api/protocol.ts';
import type { Api } from '../connection/api.ts';

export class Tester {
  readonly #api: Api;
  from = $state('sender@shop.example');
  to = $state('');
  /** `Name: value`, one per line. */
  headers = $state('');
  /** `key=value`, one per line. */
  meta = $state('');
  user = $state('');
  peer = $state('');
  /** A captured message whose envelope and data are used. */
  row = $state<number | null>(null);
  /** The route whose other position is looked at beside; `` for none. */
  otherRoute = $state('');
  #answer = $state.raw<Explanation | null>(null);
  #failure = $state<string | null>(null);
  #isRunning = $state(false);
  #shownTo = $state<string | null>(null);
  #turn = 0;

  constructor(api: Api) {
    this.#api = api;
  }

  get answer(): Explanation | null {
    return this.#answer;
  }
  get failure(): string | null {
    return this.#failure;
  }
  get isRunning(): boolean {
    return this.#isRunning;
  }

  readonly cases: readonly ExplainedCase[] = $derived(
    this.#answer === null
      ? []
      : [this.#answer.asIs, ...(this.#answer.whatIf === null ? [] : [this.#answer.whatIf])],
  );

  /** The recipient whose steps are shown. */
  readonly shownTo: string = $derived.by(() => {
    const all = this.#answer?.asIs.recipients.map(({ to }) => to) ?? [];
    return this.#shownTo !== null && all.includes(this.#shownTo) ? this.#shownTo : (all[0] ?? '');
  });

  showRecipient(to: string): void {
    this.#shownTo = to;
  }

  /** Takes up a captured message; its recipients stay open to change. */
  pick(row: {
    readonly seq: number;
    readonly from: string | null;
    readonly to: string | null;
  }): void {
    this.row = row.seq;
    this.from = row.from ?? '';
    this.to = row.to ?? '';
    void this.run(null);
  }

  /** @param switched whether the other route is on now; null: there is none */
  async run(switched: boolean | null): Promise<void> {
    const turn = ++this.#turn;
    this.#isRunning = true;
    try {
      const whatIf =
        switched === null || this.otherRoute === ''
          ? {}
          : { whatIf: { routes: { [this.otherRoute]: !switched } } };
      const answer = await this.#api.explain({ ...this.request(), ...whatIf });
      if (turn !== this.#turn) return;
      this.#answer = answer;
      this.#failure = null;
    } catch (cause) {
      if (turn !== this.#turn) return;
      this.#failure = cause instanceof Error ? cause.message : String(cause);
    } finally {
      if (turn === this.#turn) this.#isRunning = false;
    }
  }

  /** @throws {Error} a line is not of its form */
  request(): ExplainRequest {
    const to = this.to.split(/[\s,]+/).filter((one) => one !== '');
    const headers = lines(this.headers).map((line) => pair(line, ':', 'Name: value'));
    const meta = lines(this.meta).map((line) => pair(line, '=', 'key=value'));
    return {
      from: this.from.trim().replace(/^<|>$/g, ''),
      to,
      ...(headers.length > 0 && { headers: headers.map(([name, value]) => ({ name, value })) }),
      ...(meta.length > 0 && {
        meta: Object.fromEntries(meta.map(([key, text]) => [key, jsonOr(text)])),
      }),
      ...(this.user.trim() !== '' && { auth: authOf(this.user.trim()) }),
      ...(this.peer.trim() !== '' && { peer: this.peer.trim() }),
      ...(this.row !== null && { row: this.row }),
    };
  }
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}

function pair(line: string, mark: string, form: string): [string, string] {
  const at = line.indexOf(mark);
  if (at < 1) throw new Error(`“${line}”: expected ${form}`);
  return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function authOf(text: string): { user: string; password?: string } {
  const colon = text.indexOf(':');
  return colon < 0
    ? { user: text }
    : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
