/**
 * Where one is in the window: the screen, what floats over it, and which list the keyboard moves
 * in. The screen is in the address's fragment, so that a reload comes back to it.
 */
import type { Action } from '../actions.ts';
import type { IconName } from '../parts/icons.ts';

export type Screen =
  'mail' | 'maildir' | 'queues' | 'routes' | 'suppression' | 'lab' | 'log' | 'settings';
export type ListName =
  | 'mail'
  | 'maildir'
  | 'scheduled'
  | 'messages'
  | 'routes'
  | 'far-ends'
  | 'tester'
  | 'expectations'
  | 'suppression'
  | 'lab'
  | 'log'
  | 'none';

type Overlay = 'palette' | 'keys' | 'presentation' | 'shared' | 'release';

interface MenuChoice {
  readonly kind: 'choice';
  readonly label: string;
  readonly icon?: IconName;
  readonly isChecked?: boolean;
  /** One letter that takes it while the menu is open. */
  readonly letter?: string;
  readonly hint?: string;
  readonly run: () => void;
}
export type MenuItem =
  MenuChoice | { readonly kind: 'action'; readonly action: Action } | { readonly kind: 'line' };

export interface OpenMenu {
  readonly label: string;
  readonly items: readonly MenuItem[];
  /** Top left corner in the window; the menu keeps inside by itself. */
  readonly x: number;
  readonly y: number;
}

/** One line that is asked for over the screen. */
interface Asked {
  readonly label: string;
  readonly verb: string;
  readonly value: string;
  readonly placeholder: string;
  readonly hint: string;
  readonly suggestions: readonly string[];
  /** Why this cannot be taken; null when it can. */
  readonly check: (text: string) => string | null;
  readonly run: (text: string) => void;
}

/** Lines of a policy file shown over the screen: a source link or the policy's error. */
export interface OpenSource {
  readonly file: string;
  readonly line: number | null;
  readonly error: string | null;
}

const SCREENS: readonly Screen[] = [
  'mail',
  'queues',
  'routes',
  'suppression',
  'lab',
  'log',
  'settings',
];

export class Place {
  #screen = $state<Screen>(screenFromAddress());
  #overlay = $state<Overlay | null>(null);
  #menu = $state.raw<OpenMenu | null>(null);
  #source = $state.raw<OpenSource | null>(null);
  #asked = $state.raw<Asked | null>(null);
  #settingsGroup = $state<string | null>(null);
  #before: Element | null = null;

  get screen(): Screen {
    return this.#screen;
  }
  get overlay(): Overlay | null {
    return this.#overlay;
  }
  get menu(): OpenMenu | null {
    return this.#menu;
  }
  get source(): OpenSource | null {
    return this.#source;
  }
  get asked(): Asked | null {
    return this.#asked;
  }
  /** The part of Settings that was asked for; taken by the screen when it is there. */
  get settingsGroup(): string | null {
    return this.#settingsGroup;
  }
  get isCovered(): boolean {
    return (
      this.#asked !== null || this.#overlay !== null || this.#menu !== null || this.#source !== null
    );
  }

  goTo(screen: Screen): void {
    this.#screen = screen;
    if (SCREENS.includes(screen)) history.replaceState(history.state, '', `#/${screen}`);
  }

  openOverlay(overlay: Overlay): void {
    this.#remember();
    this.#menu = null;
    this.#overlay = overlay;
  }

  openMenu(menu: OpenMenu): void {
    this.#remember();
    this.#menu = menu;
  }

  openSettingsGroup(group: string | null): void {
    this.#settingsGroup = group;
  }

  ask(asked: Asked): void {
    this.#remember();
    this.#menu = null;
    this.#asked = asked;
  }

  openSource(source: OpenSource): void {
    this.#remember();
    this.#source = source;
  }

  /** Closes what lies on top; false when nothing did. */
  uncover(): boolean {
    if (!this.isCovered) return false;
    if (this.#menu) this.#menu = null;
    else if (this.#asked) this.#asked = null;
    else if (this.#overlay) this.#overlay = null;
    else this.#source = null;
    if (!this.isCovered) this.#giveBack();
    return true;
  }

  #remember(): void {
    if (!this.isCovered) this.#before = document.activeElement;
  }

  #giveBack(): void {
    const before = this.#before;
    this.#before = null;
    if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
  }
}

function screenFromAddress(): Screen {
  const name = location.hash.replace(/^#\/?/, '');
  return SCREENS.find((screen) => screen === name) ?? 'mail';
}
