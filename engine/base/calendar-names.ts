/** The English names of days and months, in the order of `Date`: Sunday and January are 0. */
export const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
export const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

const short = (name: string): string => name.slice(0, 3);

export const SHORT_DAYS: readonly string[] = DAYS.map(short);
export const SHORT_MONTHS: readonly string[] = MONTHS.map(short);

/** 0 to 11 for a month's first three letters in any case, -1 for anything else. */
export function monthOfShortName(text: string): number {
  const wanted = text.toLowerCase();
  return SHORT_MONTHS.findIndex((name) => name.toLowerCase() === wanted);
}
