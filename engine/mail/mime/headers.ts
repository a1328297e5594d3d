/**
 * The header fields of a MIME part: kept as written until one is changed, so a part that nobody
 * touches is written back byte for byte.
 */
import { fieldName, headerString, readHeaderBlock } from '../header.ts';
import type { HeaderText } from '../header.ts';
import { decodeHeaderText, encodeHeaderText } from '../rfc2047.ts';
import { formatParameters, parseParameters } from './parameters.ts';
import type { ParameterizedValue } from './parameters.ts';

/** One field: its name, its value as written, and the whole of it with its line end. */
export interface MimeHeader {
  readonly name: string;
  readonly rawValue: Uint8Array;
  readonly bytes: Uint8Array;
}

/** A field from a value that is already in the form in which it is sent. */
export function mimeHeader(name: string, encodedValue: HeaderText): MimeHeader {
  const rawValue = typeof encodedValue === 'string' ? Buffer.from(encodedValue) : encodedValue;
  const bytes = Buffer.concat([Buffer.from(`${name}: `), rawValue, Buffer.from('\r\n')]);
  return { name, rawValue, bytes };
}

export class MimeHeaders {
  readonly #fields: MimeHeader[];

  constructor(fields: readonly MimeHeader[] = []) {
    this.#fields = [...fields];
  }

  /** Reads the header block at the start of `data`; `bodyStart` is where it ends. */
  static read(data: Uint8Array): { headers: MimeHeaders; bodyStart: number } {
    const block = readHeaderBlock(data);
    const fields = block.fields.map((f) => ({
      name: fieldName(data, f).trimEnd(),
      rawValue: data.subarray(f.valueStart, f.valueEnd),
      bytes: data.subarray(f.start, f.end),
    }));
    return { headers: new MimeHeaders(fields), bodyStart: block.bodyStart };
  }

  get fields(): readonly MimeHeader[] {
    return this.#fields;
  }

  has(name: string): boolean {
    return this.#fields.some((f) => isNamed(f, name));
  }

  /** The decoded value of the first field of this name. */
  first(name: string): HeaderText | undefined {
    const field = this.#fields.find((f) => isNamed(f, name));
    return field && decodeHeaderText(field.rawValue);
  }

  firstText(name: string): string | undefined {
    const value = this.first(name);
    return value === undefined ? undefined : headerString(value);
  }

  parameterized(name: string): ParameterizedValue | undefined {
    const field = this.#fields.find((f) => isNamed(f, name));
    return field && parseParameters(headerString(field.rawValue));
  }

  append(field: MimeHeader): void {
    this.#fields.push(field);
  }

  prepend(field: MimeHeader): void {
    this.#fields.unshift(field);
  }

  /** Replaces the first field of this name where it stands, or appends it. */
  set(field: MimeHeader): void {
    const index = this.#fields.findIndex((f) => isNamed(f, field.name));
    if (index < 0) this.#fields.push(field);
    else this.#fields[index] = field;
  }

  setText(name: string, value: string): void {
    this.set(mimeHeader(name, encodeHeaderText(value)));
  }

  setParameterized(name: string, value: ParameterizedValue): void {
    this.set(mimeHeader(name, formatParameters(value)));
  }

  removeAll(name: string): void {
    for (let i = this.#fields.length - 1; i >= 0; i--) {
      const field = this.#fields[i];
      if (field && isNamed(field, name)) this.#fields.splice(i, 1);
    }
  }

  /** The block without the blank line after it. */
  toBytes(): Buffer {
    return Buffer.concat(this.#fields.map(({ bytes }) => endLine(bytes)));
  }

  copy(): MimeHeaders {
    return new MimeHeaders(this.#fields);
  }
}

function isNamed(field: MimeHeader, name: string): boolean {
  return field.name.length === name.length && field.name.toLowerCase() === name.toLowerCase();
}

/** A header block may end with the data, without a line end of its own. */
function endLine(bytes: Uint8Array): Uint8Array {
  return bytes.at(-1) === 10 ? bytes : Buffer.concat([bytes, Buffer.from('\r\n')]);
}
