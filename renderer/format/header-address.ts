/** Addresses of a header, for showing names apart and for comparing with the envelope. Lenient. */
export interface NamedAddress {
  readonly name: string;
  readonly address: string;
}

export function headerAddresses(value: string): NamedAddress[] {
  const parts = value.match(/(?:"(?:[^"\\]|\\.)*"|<[^>]*>|[^,"<])+/g) ?? [];
  return parts
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const angled = /^(.*?)\s*<([^>]*)>\s*$/s.exec(part);
      if (!angled) return { name: '', address: part };
      const name = (angled[1] ?? '').replace(/^"(.*)"$/s, '$1').replaceAll('\\"', '"');
      return { name, address: (angled[2] ?? '').trim() };
    });
}
