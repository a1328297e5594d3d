/**
 * The memory of a machine that was set up and has run no script yet. Restoring it makes a used
 * machine new, whatever happened to it, for the price of copying half a megabyte.
 */
import type { Pointer } from './lua-abi.ts';

const PAGE_BYTES = 65_536;

/** Memory layout of `glue.wasm`: static data, then the C stack (which need not be kept), then heap. */
export const STACK_START = 35_136;
export const STACK_END = 1_083_712;

export interface MemorySnapshot {
  readonly statics: Uint8Array;
  readonly heap: Uint8Array;
  readonly stackPointer: Pointer;
}

/** The last snapshot: machines that were set up alike have the same bytes and share it. */
let shared: MemorySnapshot | null = null;

export function takeSnapshot(memory: Buffer, stackPointer: Pointer): MemorySnapshot {
  if (
    shared?.stackPointer === stackPointer &&
    memory.compare(shared.statics, 0, STACK_START, 0, STACK_START) === 0 &&
    memory.compare(
      shared.heap,
      0,
      shared.heap.length,
      STACK_END,
      STACK_END + shared.heap.length,
    ) === 0 &&
    isZero(memory, STACK_END + shared.heap.length)
  ) {
    return shared;
  }
  shared = {
    statics: Uint8Array.from(memory.subarray(0, STACK_START)),
    heap: Uint8Array.from(memory.subarray(STACK_END, usedEnd(memory))),
    stackPointer,
  };
  return shared;
}

/** Untouched wasm memory is zero: after the last other byte nothing was ever allocated. */
function usedEnd(memory: Buffer): number {
  let end = memory.length;
  while (end > STACK_END && isZero(memory, end - PAGE_BYTES, end)) end -= PAGE_BYTES;
  return end;
}

function isZero(memory: Buffer, from: number, to = memory.length): boolean {
  for (let at = from; at < to; at += PAGE_BYTES) {
    const length = Math.min(PAGE_BYTES, to - at);
    if (memory.compare(ZERO_PAGE, 0, length, at, at + length) !== 0) return false;
  }
  return true;
}

const ZERO_PAGE = new Uint8Array(PAGE_BYTES);
