/**
 * Names that repeat in many rows (queues, routes, maildirs, record types) as numbers. The writer
 * gives out the numbers and remembers recent ones; readers join the table.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** Numbers in the database; never renumbered. */
export const NAME_KINDS = { queue: 1, route: 2, maildir: 3, recordType: 4 } as const;
type NameKind = (typeof NAME_KINDS)[keyof typeof NAME_KINDS];

/** Remembered names; above this the memory starts anew and the table answers. */
const REMEMBERED_MAX = 50_000;

export class Names {
  readonly #find: StatementSync;
  readonly #insert: StatementSync;
  readonly #known = new Map<string, number>();
  /** Given out since `begin`; forgotten again by a rollback. */
  #fresh: string[] = [];

  constructor(db: DatabaseSync) {
    this.#find = db.prepare('SELECT id FROM names WHERE kind = ? AND name = ?');
    this.#insert = db.prepare('INSERT INTO names (kind, name) VALUES (?, ?)');
  }

  id(kind: NameKind, name: string): number {
    const key = `${kind}${name}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const found = this.#find.get(kind, name)?.['id'] as number | undefined;
    const id = found ?? Number(this.#insert.run(kind, name).lastInsertRowid);
    if (found === undefined) this.#fresh.push(key);
    if (this.#known.size >= REMEMBERED_MAX) this.#known.clear();
    this.#known.set(key, id);
    return id;
  }

  committed(): void {
    this.#fresh = [];
  }

  rolledBack(): void {
    for (const key of this.#fresh) this.#known.delete(key);
    this.#fresh = [];
  }
}
