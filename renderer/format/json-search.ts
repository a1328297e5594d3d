/** Search in a JSON document as the engine searches (`engine/base/json-search.ts`), for live records. */

/** Strings of a JSON document; of a name, the colon after it too. */
const STRING = /"(?:[^"\\]|\\.)*"(\s*:)?/g;

/**
 * Whether a value of the document has this text, in any case. A text with `":` in it is a piece of
 * JSON, copied from a record: the whole document is searched for it.
 */
export function jsonHasText(json: string, text: string): boolean {
  const wanted = text.toLowerCase();
  const lower = json.toLowerCase();
  if (!lower.includes(wanted)) return false;
  if (wanted === '' || wanted.includes('":')) return true;
  return lower
    .replace(STRING, (whole: string, colon: string | undefined) => (colon ? '' : whole))
    .includes(wanted);
}
