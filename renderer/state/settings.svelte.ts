/**
 * The workspace's settings as the engine last read them, the zones, and the last lookup. Changes go
 * to the engine one at a time; what it refuses stands under the setting it was about.
 */
import type {
  DnsAnswer,
  DnsType,
  DnsZones,
  SettingChange,
  SettingName,
  SettingsAnswer,
} from '../../engine/api/protocol.ts';
import type { Api } from '../connection/api.ts';

export class Settings {
  readonly #api: Api;
  #answer = $state.raw<SettingsAnswer | null>(null);
  #zones = $state.raw<DnsZones | null>(null);
  #lookup = $state.raw<DnsAnswer | null>(null);
  #lookupError = $state<string | null>(null);
  #isLooking = $state(false);
  #refused = $state.raw<{ readonly name: SettingName; readonly why: string } | null>(null);
  #error = $state<string | null>(null);
  #filter = $state('');

  constructor(api: Api) {
    this.#api = api;
  }

  get answer(): SettingsAnswer | null {
    return this.#answer;
  }
  get zones(): DnsZones | null {
    return this.#zones;
  }
  get lookup(): DnsAnswer | null {
    return this.#lookup;
  }
  get lookupError(): string | null {
    return this.#lookupError;
  }
  get isLooking(): boolean {
    return this.#isLooking;
  }
  get error(): string | null {
    return this.#error;
  }
  get filter(): string {
    return this.#filter;
  }

  setFilter(filter: string): void {
    this.#filter = filter;
  }

  /** Whether the filter leaves a setting with these words. */
  shows(...words: readonly string[]): boolean {
    const text = this.#filter.trim().toLowerCase();
    return text === '' || words.some((each) => each.toLowerCase().includes(text));
  }

  /** Why the last change of this setting was refused. */
  refusalOf(name: SettingName): string | null {
    return this.#refused?.name === name ? this.#refused.why : null;
  }

  async load(): Promise<void> {
    try {
      [this.#answer, this.#zones] = await Promise.all([this.#api.settings(), this.#api.dnsZones()]);
      this.#error = null;
    } catch (cause) {
      this.#error = wordsOf(cause);
    }
  }

  async change(change: SettingChange): Promise<void> {
    try {
      this.#answer = await this.#api.changeSetting(change);
      this.#refused = null;
    } catch (cause) {
      this.#refused = { name: change.name, why: wordsOf(cause) };
    }
  }

  async ask(name: string, type: DnsType): Promise<void> {
    this.#isLooking = true;
    try {
      this.#lookup = await this.#api.dns({ name, type });
      this.#lookupError = null;
    } catch (cause) {
      this.#lookup = null;
      this.#lookupError = wordsOf(cause);
    } finally {
      this.#isLooking = false;
    }
  }
}

function wordsOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
