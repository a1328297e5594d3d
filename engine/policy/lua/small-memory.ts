/**
 * Lets machines begin small. The module asks for 16 MB at once, which makes a machine three times as
 * expensive to create and has the garbage collector run for memory that nobody uses; a context needs
 * two or three, and grows when it needs more.
 *
 * Source: WebAssembly core specification §5.5.8 (memory section).
 */

/** 3 MB: static data, the C stack, the libraries and bindings, and room for a policy. */
const INITIAL_PAGES = 48;

const MEMORY_SECTION = 5;
/** Magic number and version. */
const HEADER_BYTES = 8;

/** The module with a smaller initial memory; as it is when it does not look as expected. */
export function withSmallMemory(module: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  let at = HEADER_BYTES;
  while (at < module.length) {
    const id = module[at];
    const [length, body] = readLeb(module, at + 1);
    if (id === MEMORY_SECTION) {
      // One memory, its flags, then the initial size.
      const [pages, end] = readLeb(module, body + 2);
      if (end - (body + 2) === 2 && pages > INITIAL_PAGES) {
        // Two bytes as before, so that nothing moves.
        module[body + 2] = 0x80 | INITIAL_PAGES;
        module[body + 3] = 0;
      }
      return module;
    }
    at = body + length;
  }
  return module;
}

/** An unsigned LEB128 number and where it ends. */
function readLeb(bytes: Uint8Array, start: number): [number, number] {
  let value = 0;
  let at = start;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++] ?? 0;
    value |= (byte & 0x7f) << shift;
    if ((byte & 0x80) === 0) return [value, at];
  }
}
