/** Whether a host (`localhost:3000`, `127.0.0.1`, `[::1]`) is on this machine. */
export function isLoopback(host: string): boolean {
  const name = host
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
  return name === '::1' || /^127(\.\d+){3}$/.test(name) || /(^|\.)localhost$/.test(name);
}
