/** SIGINT, SIGTERM and SIGHUP all mean a graceful stop; the second one ends the process at once. */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let count = 0;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (++count > 1) process.exit(130);
        resolve(signal);
      });
    }
  });
}
