/** `title`: a capital after white space and after each ASCII mark, small letters elsewhere. */
export function titleCase(text: string): string {
  let isStart = true;
  let result = '';
  for (const c of text) {
    if (/[!-/:-@[-`{-~\s]/.test(c)) {
      isStart = true;
      result += c;
    } else {
      result += isStart ? c.toUpperCase() : c.toLowerCase();
      isStart = false;
    }
  }
  return result;
}
