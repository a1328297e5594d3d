/**
 * Times of day and dates as the window writes them, in the zone of the machine: `12:24:03`, and
 * `22 Nov` where the day is not today's.
 */
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

const two = (value: number): string => String(value).padStart(2, '0');

/** `12:24:03` */
export function clockTime(ms: number): string {
  const date = new Date(ms);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** `.412` */
export function clockFraction(ms: number): string {
  return `.${String(new Date(ms).getMilliseconds()).padStart(3, '0')}`;
}

/** `12:24` */
export function clockMinute(ms: number): string {
  return clockTime(ms).slice(0, 5);
}

/** `22 Nov`, or `22 Nov 25` when the year is another one. */
export function shortDay(ms: number, nowMs: number): string {
  const date = new Date(ms);
  const year =
    date.getFullYear() === new Date(nowMs).getFullYear() ? '' : ` ${two(date.getFullYear() % 100)}`;
  return `${date.getDate()} ${MONTHS[date.getMonth()]}${year}`;
}

/** `Sun 22 Nov 2026` */
export function longDay(ms: number): string {
  const date = new Date(ms);
  return `${DAYS[date.getDay()]} ${date.getDate()} ${MONTHS[date.getMonth()]} ${date.getFullYear()}`;
}

/** `Sun 22 Nov 2026 12:24:03.412`, for tooltips. */
export function fullTime(ms: number): string {
  return `${longDay(ms)} ${clockTime(ms)}${clockFraction(ms)}`;
}

/**
 * The time of day for today's rows, else the day: eight characters at most; `long` adds the time of
 * day to the day.
 */
export function listTime(ms: number, todayMs: number, form: 'short' | 'long' = 'short'): string {
  if (isSameDay(ms, todayMs)) return clockTime(ms);
  const day = shortDay(ms, todayMs);
  return form === 'short' ? day : `${day} ${clockMinute(ms)}`;
}

/** Midnight before: a time that stays the same all day. */
export function startOfDay(ms: number): number {
  return new Date(ms).setHours(0, 0, 0, 0);
}

export function isSameDay(leftMs: number, rightMs: number): boolean {
  const left = new Date(leftMs);
  const right = new Date(rightMs);
  return (
    left.getDate() === right.getDate() &&
    left.getMonth() === right.getMonth() &&
    left.getFullYear() === right.getFullYear()
  );
}
