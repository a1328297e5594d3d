/** Spans of time as people read them: `41 s`, `20 m 12 s`, `1 h 22 m`, `6 d 3 h`. */
export function formatSpan(spanMs: number): string {
  if (spanMs < 1_000) return `${Math.max(0, Math.round(spanMs))} ms`;
  const seconds = Math.round(spanMs / 1_000);
  const units: readonly (readonly [number, string])[] = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'm'],
    [1, 's'],
  ];
  const first = units.findIndex(([size]) => seconds >= size);
  let rest = seconds;
  return units
    .slice(first, first + 2)
    .flatMap(([size, name]) => {
      const count = Math.floor(rest / size);
      rest %= size;
      return count > 0 ? [`${count} ${name}`] : [];
    })
    .join(' ');
}
