/**
 * The name of a site: the MX hosts of a domain folded into one text, so that all domains with the
 * same hosts share a ready queue. `alt1.mx.test.`, `alt2.mx.test.` become `(alt1|alt2).mx.test`.
 *
 * Names are aligned at the right. Per position the distinct labels in order of first appearance,
 * with `?` when some host has none there. Order matters: other preferences, another site.
 *
 * Source: reference `queues-delivery.md` §4.4.
 */

/** @param hosts names with or without final dot, each with an optional `:port` */
export function factorNames(hosts: readonly string[]): string {
  const names = hosts.map(labelsFromRight);
  const width = Math.max(0, ...names.map((labels) => labels.length));
  const columns = Array.from({ length: width }, (_, column) => {
    const seen = new Set(names.map((labels) => labels[column]));
    const isOptional = seen.delete(undefined);
    const choices = [...seen].join('|');
    return `${seen.size > 1 ? `(${choices})` : choices}${isOptional ? '?' : ''}`;
  });
  return columns.reverse().join('.');
}

/** The port belongs to the last label: hosts that differ in it only stay apart. */
function labelsFromRight(host: string): string[] {
  const port = /:\d+$/.exec(host)?.[0] ?? '';
  const name = host
    .slice(0, host.length - port.length)
    .toLowerCase()
    .replace(/\.$/, '');
  return name === '' ? [] : `${name}${port}`.split('.').reverse();
}
