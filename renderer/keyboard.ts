/** What a key means, given where the focus is: fields keep their letters, controls their Enter. */
import { perform, struck } from './actions.ts';
import { focusList, isInDetail, isTyping, rememberInput } from './focus.ts';
import { KeySequence, strokeOf } from './keys.ts';
import type { Postyard } from './state/postyard.svelte.ts';

const MODIFIERS = new Set(['Shift', 'Control', 'Alt', 'Meta', 'AltGraph', 'CapsLock']);
/** Keys that scroll; in the detail pane they do just that. */
const SCROLLING = new Set(['ArrowUp', 'ArrowDown', 'PageUp', 'PageDown', 'Home', 'End']);
/** Of the window's keys, those that mean the same in a field and in the editor. */
const WHILE_TYPING = new Set(['Mod+K', 'Mod+D', 'Mod+S', 'Mod+O', 'Mod+Enter']);

export class Keyboard {
  readonly #yard: Postyard;
  readonly #sequence = new KeySequence();

  constructor(yard: Postyard) {
    this.#yard = yard;
  }

  handle(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.isComposing || MODIFIERS.has(event.key)) return;
    rememberInput('keys');
    const stroke = strokeOf(event);
    if (this.#leavesTo(event, stroke)) return;
    const sequence = this.#sequence.add(stroke, performance.now());
    const meant = struck(sequence, this.#yard);
    this.#sequence.drop();
    if (meant.kind === 'none') return;
    event.preventDefault();
    if (meant.kind === 'more') return this.#sequence.keep(sequence, performance.now());
    void perform(meant.action, this.#yard);
  }

  /** True when the key belongs to what has the focus, or was dealt with here. */
  #leavesTo(event: KeyboardEvent, stroke: string): boolean {
    const { place } = this.#yard;
    if (place.isCovered) {
      if (stroke !== 'Escape') return stroke !== 'Mod+K' || place.overlay !== null;
      event.preventDefault();
      place.uncover();
      return true;
    }
    const { target } = event;
    if (isTyping(target)) {
      if (stroke === 'Escape') {
        event.preventDefault();
        target.blur();
        focusList(this.#yard.listName);
        return true;
      }
      return !WHILE_TYPING.has(stroke);
    }
    const isControl =
      target instanceof Element && target.closest("button, a, [role='tab'], [role='menuitem']");
    if (isControl && (stroke === 'Enter' || stroke === ' ')) return true;
    return isInDetail() && SCROLLING.has(event.key);
  }
}
