/**
 * The tester: an envelope with its headers and metadata, and what would become of it, once as it is
 * and once with another switch. Nothing of it is sent.
 */
import type {
  ExplainedCase,
  ExplainedRecipient,
  ExplainRequest,
  Explanation,
} from '../../engine/api/protocol.ts';
import type { Api } from '../connection/api.ts';

/** Texts of the form. */
interface TesterFields {
  from: string;
  /** With commas or blanks between them. */
  to: string;
  /** `Name: value`, one per line. */
  headers: string;
  /** `key=value`, one per line. */
  meta: string;
  /** `user:password` */
  auth: string;
  /** IP address of the client. */
  peer: string;
}

export type TesterField = keyof TesterFields;

const EMPTY: TesterFields = {
  from: 'sender@shop.example',
  ...{ to: '', headers: '', meta: '', auth: '', peer: '' },
};

export class Tester {
  readonly #api: Api;
  readonly fields = $state<TesterFields>({ ...EMPTY });
  /** What a captured message or a case brought along besides the fields. */
  #base = $state.raw<Base | null>(null);
  /** The route whose other position is looked at beside; `` for none. */
  #otherRoute = $state('');
  #answer = $state.raw<Explanation | null>(null);
  #failure = $state<string | null>(null);
  #isRunning = $state(false);
  #isSaving = $state(false);
  #shownTo = $state<string | null>(null);
  #shownCase = $state<'as-is' | 'what-if'>('as-is');
  #turn = 0;

  constructor(api: Api) {
    this.#api = api;
  }

  /** `message 12`, `case “…”`; null when only the fields count. */
  get baseName(): string | null {
    return this.#base?.name ?? null;
  }
  get otherRoute(): string {
    return this.#otherRoute;
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
  /** The case is being given a name and a file. */
  get isSaving(): boolean {
    return this.#isSaving;
  }

  readonly recipients: readonly string[] = $derived(
    this.fields.to.split(/[\s,]+/).filter((one) => one !== ''),
  );

  /** What is wrong in a field, in words. */
  readonly problems: Readonly<Partial<Record<TesterField, string>>> = $derived.by(() => {
    const headers = wrongLine(this.fields.headers, ':', 'Name: value');
    const meta = wrongLine(this.fields.meta, '=', 'key=value');
    return { ...(headers !== null && { headers }), ...(meta !== null && { meta }) };
  });

  readonly refusal: string | null = $derived(
    this.recipients.length === 0
      ? 'A recipient is missing'
      : Object.keys(this.problems).length > 0
        ? 'A field is not as expected'
        : null,
  );

  /** Recipients of the answer. */
  readonly answered: readonly string[] = $derived(
    this.#answer?.asIs.recipients.map(({ to }) => to) ?? [],
  );

  readonly shownTo: string = $derived(
    this.#shownTo !== null && this.answered.includes(this.#shownTo)
      ? this.#shownTo
      : (this.answered[0] ?? ''),
  );

  readonly asIs: ExplainedRecipient | null = $derived(
    recipientOf(this.#answer?.asIs ?? null, this.shownTo),
  );
  readonly whatIf: ExplainedRecipient | null = $derived(
    recipientOf(this.#answer?.whatIf ?? null, this.shownTo),
  );

  /** The case whose steps are shown. */
  readonly shownCase: 'as-is' | 'what-if' = $derived(
    this.#answer?.whatIf == null ? 'as-is' : this.#shownCase,
  );
  readonly shown: ExplainedCase | null = $derived(
    this.shownCase === 'what-if' ? (this.#answer?.whatIf ?? null) : (this.#answer?.asIs ?? null),
  );

  showRecipient(to: string): void {
    this.#shownTo = to;
  }

  showCase(which: 'as-is' | 'what-if'): void {
    this.#shownCase = which;
  }

  setSaving(isSaving: boolean): void {
    this.#isSaving = isSaving;
  }

  /** Takes up a captured message; its envelope stays open to change. */
  async pick(
    { seq, from, to }: { seq: number; from: string | null; to: string | null },
    isOn: RouteSwitch,
  ): Promise<void> {
    Object.assign(this.fields, { ...EMPTY, from: from ?? '', to: to ?? '' });
    this.#base = { name: `message ${seq}`, request: { row: seq } };
    await this.run(isOn);
  }

  /** Takes up what a case of the expectations asks. */
  async take(name: string, message: ExplainRequest, isOn: RouteSwitch): Promise<void> {
    const { from, to, headers, meta, auth, peer, ...rest } = message;
    Object.assign(this.fields, {
      from: from ?? EMPTY.from,
      to: (to ?? []).join(', '),
      headers: (headers ?? []).map(({ name, value }) => `${name}: ${value}`).join('\n'),
      meta: Object.entries(meta ?? {})
        .map(
          ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
        )
        .join('\n'),
      auth: auth === undefined ? '' : `${auth.user}${auth.password ? `:${auth.password}` : ''}`,
      peer: peer ?? '',
    });
    this.#base = Object.keys(rest).length === 0 ? null : { name: `case “${name}”`, request: rest };
    await this.run(isOn);
  }

  /** The envelope stays, the message goes. */
  forget(): void {
    this.#base = null;
    this.#answer = null;
    this.#isSaving = false;
  }

  clear(): void {
    Object.assign(this.fields, EMPTY);
    this.forget();
    this.#failure = null;
    this.#otherRoute = '';
  }

  /** Looks at the route's other position beside; `` for none. */
  async compareWith(route: string, isOn: RouteSwitch): Promise<void> {
    this.#otherRoute = route;
    this.#shownCase = 'as-is';
    if (this.refusal === null) await this.run(isOn);
  }

  async run(isOn: RouteSwitch): Promise<void> {
    const turn = ++this.#turn;
    this.#isRunning = true;
    const on = this.#otherRoute === '' ? null : isOn(this.#otherRoute);
    const whatIf = on === null ? {} : { whatIf: { routes: { [this.#otherRoute]: !on } } };
    try {
      const answer = await this.#api.explain({ ...this.request(), ...whatIf });
      if (turn !== this.#turn) return;
      this.#answer = answer;
      this.#failure = null;
    } catch (cause) {
      if (turn !== this.#turn) return;
      this.#answer = null;
      this.#failure = cause instanceof Error ? cause.message : String(cause);
    } finally {
      if (turn === this.#turn) this.#isRunning = false;
    }
  }

  request(): ExplainRequest {
    const { from, auth, peer } = this.fields;
    const headers = pairs(this.fields.headers, ':');
    const meta = pairs(this.fields.meta, '=');
    return {
      ...this.#base?.request,
      from: from.trim().replace(/^<|>$/g, ''),
      to: this.recipients,
      ...(headers.length > 0 && { headers: headers.map(([name, value]) => ({ name, value })) }),
      ...(meta.length > 0 && {
        meta: Object.fromEntries(meta.map(([key, text]) => [key, jsonOr(text)])),
      }),
      ...(auth.trim() !== '' && { auth: loginOf(auth.trim()) }),
      ...(peer.trim() !== '' && { peer: peer.trim() }),
    };
  }
}

interface Base {
  readonly name: string;
  readonly request: ExplainRequest;
}

/** Whether a route is on now; null: there is none of this name. */
type RouteSwitch = (route: string) => boolean | null;

function recipientOf(explained: ExplainedCase | null, to: string): ExplainedRecipient | null {
  return explained?.recipients.find((one) => one.to === to) ?? null;
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}

function wrongLine(text: string, mark: string, form: string): string | null {
  const wrong = lines(text).find((line) => line.indexOf(mark) < 1);
  return wrong === undefined ? null : `“${wrong.trim()}”: expected ${form}`;
}

function pairs(text: string, mark: string): [string, string][] {
  return lines(text).map((line) => {
    const at = line.indexOf(mark);
    return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  });
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function loginOf(text: string): { user: string; password?: string } {
  const colon = text.indexOf(':');
  return colon < 0
    ? { user: text }
    : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
