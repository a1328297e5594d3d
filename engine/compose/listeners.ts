/**
 * Where the engine of a workspace listens: the policy's listeners at the workspace's addresses,
 * one more with TLS from the first byte when the settings say so, and the window.
 *
 * A listener that could not be opened is tried again when the policy is loaded the next time.
 */
import type { EsmtpListenerSettings, HttpListenerSettings } from '../policy/settings.ts';
import type { PathRemaps } from '../workspace/remap.ts';
import type { Reach } from '../workspace/listen-addresses.ts';
import type { Settings } from '../workspace/settings.ts';
import type { EngineCore } from './engine-core.ts';
import { isOwnHost } from '../base/ip.ts';
import { addressBehind, openAtFreePort, splitAddress } from './placement.ts';
import type { Placed } from './placement.ts';
import { toError } from '../base/assert.ts';

/** Addresses given on the command line; they win over `postyard.json`, and a port other than 0 is fixed. */
export interface GivenAddresses {
  readonly smtp?: string;
  readonly http?: string;
  readonly ui?: string;
  /** Other machines may be let in. */
  readonly expose?: boolean;
}

export function reachOf({ expose }: GivenAddresses): Reach {
  return expose === true ? 'any' : 'own';
}

/** Where the run before this one listened; tried first for ports that the system may choose. */
export interface EarlierAddresses {
  readonly smtp: readonly string[];
  readonly http: readonly string[];
  readonly ui: string | null;
}

export interface Listening {
  readonly service: 'smtp' | 'http' | 'ui';
  readonly address: string;
  /** Where it should have been, when that was taken. */
  readonly wanted: string | null;
  /** SMTP: from the first byte, with the policy's certificate, or with one that was made here. */
  readonly tls: 'implicit' | 'policy' | 'own' | null;
}

interface Opened {
  readonly address: string;
}

export interface ListenersParts {
  readonly core: EngineCore;
  readonly remaps: PathRemaps;
  readonly settings: Settings;
  readonly given: GivenAddresses;
  readonly earlier: EarlierAddresses | null;
}

export class Listeners {
  readonly list: Listening[] = [];
  readonly #parts: ListenersParts;
  /** `smtp 0`: what is open already. */
  readonly #open = new Set<string>();

  constructor(parts: ListenersParts) {
    this.#parts = parts;
  }

  /** The addresses as the next run would like to have them again. */
  get carried(): EarlierAddresses {
    const of = (service: Listening['service']): string[] =>
      this.list.filter((one) => one.service === service).map(({ address }) => address);
    return { smtp: of('smtp'), http: of('http'), ui: of('ui')[0] ?? null };
  }

  /** Opens what `init` asked for and is not open yet. @returns why some of it could not be */
  async openForPolicy(): Promise<Error[]> {
    const { core, settings } = this.#parts;
    const { esmtpListeners, httpListeners } = core.setup;
    const problems: Error[] = [];
    const attempt = async (name: string, open: () => Promise<void>): Promise<void> => {
      if (this.#open.has(name)) return;
      try {
        await open();
        this.#open.add(name);
      } catch (error) {
        problems.push(toError(error));
      }
    };
    for (const [index, wanted] of esmtpListeners.entries())
      await attempt(`smtp ${index}`, () => this.#openSmtp(wanted, index));
    for (const [index, wanted] of httpListeners.entries())
      await attempt(`http ${index}`, () => this.#openHttp(wanted, index));
    const [first] = esmtpListeners;
    const { smtps } = settings;
    if (smtps !== undefined && first !== undefined)
      await attempt('smtps', () => this.#openSmtps(first, smtps, esmtpListeners.length));
    return problems;
  }

  /** The window's; what opens it is not ours. */
  async openUi<T extends Opened>(open: (address: string) => Promise<T>): Promise<T> {
    const { given, settings } = this.#parts;
    const address = this.#addressOf('ui', given.ui ?? settings.ui, 0);
    const placed = await openAtFreePort(address, isFixed(given.ui), open);
    this.#listens('ui', placed);
    return placed.opened;
  }

  async #openSmtp(wanted: EsmtpListenerSettings, index: number): Promise<void> {
    const { core, remaps, given, settings } = this.#parts;
    const placed = await openAtFreePort(
      this.#addressOf('smtp', given.smtp ?? settings.smtp, index),
      isFixed(given.smtp) && index === 0,
      (at) => core.openSmtp(wanted, { at }),
    );
    remaps.note('ESMTP listener', wanted.listen, placed.opened.address);
    this.#listens('smtp', placed, wanted.base.tlsCertificate === null ? 'own' : 'policy');
  }

  async #openHttp(wanted: HttpListenerSettings, index: number): Promise<void> {
    const { core, remaps, given, settings } = this.#parts;
    const placed = await openAtFreePort(
      this.#addressOf('http', given.http ?? settings.http, index),
      isFixed(given.http) && index === 0,
      (listen) => core.openHttp({ ...wanted, listen }),
    );
    remaps.note('HTTP listener', wanted.listen, placed.opened.address);
    this.#listens('http', placed);
  }

  async #openSmtps(first: EsmtpListenerSettings, address: string, index: number): Promise<void> {
    const { core, earlier } = this.#parts;
    this.#requireOwn(address);
    const before = address.endsWith(':0') ? earlier?.smtp[index] : undefined;
    const placed = await openAtFreePort(before ?? address, false, (at) =>
      core.openSmtp(first, { at, isImplicitTls: true }),
    );
    this.#listens('smtp', placed, 'implicit');
  }

  #addressOf(service: Listening['service'], address: string, index: number): string {
    const { earlier } = this.#parts;
    this.#requireOwn(address);
    const before = service === 'ui' ? earlier?.ui : earlier?.[service][index];
    return address.endsWith(':0') && before ? before : addressBehind(address, index);
  }

  /** @throws {Error} an address for other machines, which nobody allowed */
  #requireOwn(address: string): void {
    if (reachOf(this.#parts.given) === 'any' || isOwnHost(splitAddress(address).host)) return;
    throw new Error(
      `Cannot listen on ${address}: other machines would reach it, expected a loopback address, or --expose`,
    );
  }

  #listens(
    service: Listening['service'],
    { opened, wanted }: Placed<Opened>,
    tls: Listening['tls'] = null,
  ): void {
    const { address } = opened;
    // Only the port ever gives way; the host may be written otherwise (`localhost`).
    const { port } = splitAddress(wanted);
    const isElsewhere = port !== 0 && port !== splitAddress(address).port;
    this.list.push({ service, address, wanted: isElsewhere ? wanted : null, tls });
    this.#parts.core.options.diagnostics.announce(`${service} listener on ${address}`);
  }
}

/** What clients may use at a listener beside plain SMTP, in the words of EHLO. */
export function offeredBy(
  tls: NonNullable<Listening['tls']>,
  { acceptAnyAuth, offerStartTls }: Settings,
): string[] {
  const words =
    tls === 'implicit' ? ['TLS'] : offerStartTls || tls === 'policy' ? ['STARTTLS'] : [];
  return acceptAnyAuth ? [...words, 'AUTH PLAIN', 'AUTH LOGIN'] : words;
}

/** A port that was asked for by number is meant; 0 and the defaults may move. */
function isFixed(given: string | undefined): boolean {
  return given !== undefined && !given.endsWith(':0');
}
