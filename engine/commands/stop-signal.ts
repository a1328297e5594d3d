/** SIGINT, SIGTERM and SIGHUP all mean a graceful stop; asked for once more it ends the process at once. */
import { SystemClock } from '../base/clock.ts';

/** A terminal signals this process and the one that started it, which passes it on: the same wish. */
const ECHO_MS = 500;

export function stopSignal(): Promise<NodeJS.Signals> {
  const clock = new SystemClock();
  return new Promise((resolve) => {
    let firstMs: number | null = null;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        firstMs ??= clock.monotonic();
        if (clock.monotonic() - firstMs > ECHO_MS) process.exit(130);
        resolve(signal);
      });
    }
  });
}
