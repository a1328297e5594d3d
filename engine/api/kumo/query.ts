/**
 * Query strings read into values, with the complaints of KumoMTA's reader.
 *
 * Source: recorded scenario `admin-inspect-message`.
 */
import type { SpoolId } from '../../base/ids.ts';
import { HttpRefusal } from './http-problem.ts';
import { readUuid } from './uuid-reader.ts';

export class QueryReader {
  readonly #query: URLSearchParams;

  constructor(query: URLSearchParams) {
    this.#query = query;
  }

  text(name: string): string {
    const value = this.#query.get(name);
    if (value === null) throw refusal(`missing field \`${name}\``);
    return value;
  }

  optionalText(name: string): string | null {
    return this.#query.get(name);
  }

  flag(name: string): boolean {
    const value = this.#query.get(name);
    if (value === null || value === 'false') return false;
    if (value === 'true') return true;
    throw refusal(`${name}: provided string was not \`true\` or \`false\``);
  }

  optionalCount(name: string): number | null {
    const value = this.#query.get(name);
    if (value === null) return null;
    if (/^\d+$/.test(value)) return Number(value);
    throw refusal(
      `${name}: ${value === '' ? 'cannot parse integer from empty string' : 'invalid digit found in string'}`,
    );
  }

  spoolId(name: string): SpoolId {
    const parsed = readUuid(this.text(name));
    if ('complaint' in parsed) throw refusal(`${name}: ${parsed.complaint}`);
    return parsed.digits as SpoolId;
  }

  /** A list cannot be written in a query string; giving one is refused. */
  noList(name: string): void {
    const value = this.#query.get(name);
    if (value === null) return;
    throw refusal(`${name}: invalid type: string ${JSON.stringify(value)}, expected a sequence`);
  }
}

function refusal(reason: string): HttpRefusal {
  return new HttpRefusal(400, `Failed to deserialize query string: ${reason}`);
}
