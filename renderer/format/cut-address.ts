/**
 * Addresses cut in the middle: the local part gives way first, but the domain never takes more than
 * its share, so that the beginnings of both stay readable. Pure; the caller brings the measure.
 */
import type { TextWidth } from './text-width.ts';

export interface CutAddress {
  /** Bright: the local part, perhaps with `…` at its end. */
  readonly local: string;
  /** Dimmer: `@` and the domain, perhaps with `…` at its end. Empty for a word without `@`. */
  readonly domain: string;
}

const MARK = '…';
/** Of the room, when both parts are too long for it. */
const DOMAIN_SHARE = 0.62;
/** Where even four letters of both do not fit, the end is cut and the beginning kept whole. */
const LETTERS_MIN = 4;

/**
 * @param widthPx room there is
 * @param width measures text in the font it will be drawn in
 */
export function cutAddress(address: string, widthPx: number, width: TextWidth): CutAddress {
  const at = address.lastIndexOf('@');
  const local = at < 0 ? address : address.slice(0, at);
  const domain = at < 0 ? '' : address.slice(at);
  if (width(address) <= widthPx) return { local, domain };
  if (domain === '') return { local: cutEnd(local, widthPx, width), domain };
  const domainRoom = Math.min(width(domain), widthPx * DOMAIN_SHARE);
  const shortLocal = cutEnd(local, widthPx - domainRoom, width);
  const shortDomain = cutEnd(domain, widthPx - width(shortLocal), width);
  const isUseful = [shortLocal, shortDomain].every(
    (part) => !part.endsWith(MARK) || part.length > LETTERS_MIN,
  );
  if (isUseful) return { local: shortLocal, domain: shortDomain };
  const whole = cutEnd(address, widthPx, width);
  return { local: whole.slice(0, at), domain: whole.slice(at) };
}

/** The text, or its longest beginning that fits together with `…`. */
function cutEnd(text: string, widthPx: number, width: TextWidth): string {
  if (width(text) <= widthPx) return text;
  const room = widthPx - width(MARK);
  let end = 0;
  let used = 0;
  for (const character of text) {
    used += width(character);
    if (used > room) break;
    end += character.length;
  }
  return text.slice(0, end) + MARK;
}
