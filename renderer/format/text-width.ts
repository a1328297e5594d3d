/**
 * Widths of text without touching the layout: every character is measured once on a canvas and the
 * widths are added up. Kerning is left out, so a sum may be a fraction of a pixel too wide, never
 * too narrow by more than that.
 */
export type TextWidth = (text: string) => number;

const tables = new Map<string, Map<string, number>>();
let context: CanvasRenderingContext2D | null = null;

/** @param font a CSS font, `12px Inter` */
export function textWidth(font: string): TextWidth {
  const table = tables.get(font) ?? new Map<string, number>();
  tables.set(font, table);
  return (text) => {
    let width = 0;
    for (const character of text) {
      let advance = table.get(character);
      if (advance === undefined) {
        advance = measure(font, character);
        table.set(character, advance);
      }
      width += advance;
    }
    return width;
  };
}

/** Forgets all widths: the fonts have arrived and the fallback's widths no longer hold. */
export function forgetTextWidths(): void {
  for (const table of tables.values()) table.clear();
}

function measure(font: string, character: string): number {
  context ??= document.createElement('canvas').getContext('2d');
  if (!context) return 7;
  context.font = font;
  return context.measureText(character).width;
}
