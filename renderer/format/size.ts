/** Sizes and counts: `612 B`, `14.2 KB`, `20 MB`; `1,204`, `10,000+`. A missing value is `–`. */
import type { Count } from '../../engine/api/protocol.ts';

/** Decimal units, one decimal for kilobytes below a hundred and for larger units below ten. */
export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999_950) return `${(bytes / 1000).toFixed(bytes < 99_950 ? 1 : 0)} KB`;
  if (bytes < 999_950_000) return unit(bytes / 1e6, 'MB');
  return unit(bytes / 1e9, 'GB');
}

function unit(value: number, name: string): string {
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${name}`;
}

const THOUSANDS = new Intl.NumberFormat('en-US');

export function thousands(value: number): string {
  return THOUSANDS.format(value);
}

export function count(value: Count): string {
  return value.isExact ? thousands(value.value) : `${thousands(value.value)}+`;
}

/** `1 message`, `1,204 messages` */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${thousands(value)} ${value === 1 ? one : many}`;
}
