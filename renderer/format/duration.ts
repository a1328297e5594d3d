/** Durations: `1 h 22 m`, `41 s`, `14.6 ms` in words, `00:41` and `1:12:20` in columns. */
const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Two units at most: `7 d`, `1 h 22 m`, `20 m 12 s`, `41 s`, `6.1 ms`. */
export function duration(ms: number): string {
  if (ms < 0) return `−${duration(-ms)}`;
  if (ms < SECOND_MS) return `${milliseconds(ms)} ms`;
  if (ms < 10 * SECOND_MS) return `${trimmed(ms / SECOND_MS)} s`;
  const whole = Math.round(ms / SECOND_MS) * SECOND_MS;
  if (whole < MINUTE_MS) return `${whole / SECOND_MS} s`;
  if (whole < HOUR_MS) return pair(whole, MINUTE_MS, 'm', SECOND_MS, 's');
  if (whole < DAY_MS) return pair(whole, HOUR_MS, 'h', MINUTE_MS, 'm');
  return pair(whole, DAY_MS, 'd', HOUR_MS, 'h');
}

function pair(ms: number, unitMs: number, unit: string, partMs: number, part: string): string {
  const units = Math.floor(ms / unitMs);
  const parts = Math.floor((ms % unitMs) / partMs);
  return parts === 0 ? `${units} ${unit}` : `${units} ${unit} ${parts} ${part}`;
}

function trimmed(value: number): string {
  return value.toFixed(1).replace(/\.0$/, '');
}

/** `0.4`, `14.6`, `130`: one decimal below a hundred. */
export function milliseconds(ms: number): string {
  return ms < 100 ? ms.toFixed(1) : String(Math.round(ms));
}

/** Time until, for a column: `now`, `00:41`, `1:12:20`, `6 d 23 h`. */
export function countdown(ms: number): string {
  if (ms < SECOND_MS) return 'now';
  const seconds = Math.ceil(ms / SECOND_MS);
  if (seconds >= 2 * (DAY_MS / SECOND_MS)) return duration(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`;
  return hours === 0 ? rest : `${hours}:${rest}`;
}
