/** `title`: the first letter of each word is capital, the others are small. */
export function titleCase(text: string): string {
  let isStart = true;
  let result = '';
  for (const c of text) {
    if (/[\p{P}\s]/u.test(c) && c !== "'") {
      isStart = true;
      result += c;
    } else {
      result += isStart ? c.toUpperCase() : c.toLowerCase();
      isStart = false;
    }
  }
  return result;
}
