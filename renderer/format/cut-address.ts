/**
 * Addresses cut in the middle: the local part gives way first, then the domain, so that both ends
 * of what one looks for stay readable. Pure; the caller brings the measure.
 */
import type { TextWidth } from './text-width.ts';

export interface CutAddress {
  /** Bright: the local part, perhaps with `…` at its end. */
  readonly local: string;
  /** Dimmer: `@` and the domain, perhaps with `…` at its end. Empty for a word without `@`. */
  readonly domain: string;
}

const MARK = '…';
/** What stays of a local part before the domain begins to give way. */
const LOCAL_MIN = 5;

/**
 * @param widthPx room there is
 * @param width measures text in the font it will be drawn in
 */
export function cutAddress(address: string, widthPx: number, width: TextWidth): CutAddress {
  const at = address.lastIndexOf('@');
  const local = at < 0 ? address : address.slice(0, at);
  const domain = at < 0 ? '' : address.slice(at);
  if (width(address) <= widthPx) return { local, domain };
  const room = widthPx - width(domain) - width(MARK);
  const fitting = fit(local, room, width);
  const short = local.length <= LOCAL_MIN + 1 ? local : local.slice(0, LOCAL_MIN) + MARK;
  if (fitting.length >= Math.min(LOCAL_MIN, local.length - 1)) {
    return { local: fitting + MARK, domain };
  }
  const domainRoom = widthPx - width(short) - width(MARK);
  return { local: short, domain: domain === '' ? '' : `${fit(domain, domainRoom, width)}${MARK}` };
}

/** The longest beginning of `text` that fits. */
function fit(text: string, widthPx: number, width: TextWidth): string {
  let end = 0;
  let used = 0;
  for (const character of text) {
    used += width(character);
    if (used > widthPx) break;
    end += character.length;
  }
  return text.slice(0, end);
}
