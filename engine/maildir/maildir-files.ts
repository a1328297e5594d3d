/**
 * Files of messages that are taken away and put back, many at a time. A message lies under the name
 * with which it was delivered until somebody looks at it, so that name is tried first; for all that
 * were moved or given flags a maildir is listed once. For a short use: a name of the listing that is
 * no longer there makes it list again.
 *
 * Source: https://cr.yp.to/proto/maildir.html
 */
import fs from 'node:fs/promises';
import { parseName } from './flags.ts';

/** Of each unique name `new/FILE` or `cur/FILE`. */
type Listing = ReadonlyMap<string, string>;

export class MaildirFiles {
  readonly #listings = new Map<string, Promise<Listing>>();

  /** Takes a message's file away; its name with the flags, null when it was gone already. */
  async unlink(dir: string, unique: string): Promise<string | null> {
    let at: string | undefined = `new/${unique}`;
    let listing: Promise<Listing> | undefined;
    while (at !== undefined) {
      if (await unlinked(`${dir}/${at}`)) return fileOf(at);
      // It was moved after this listing.
      if (listing !== undefined && this.#listings.get(dir) === listing) this.#listings.delete(dir);
      listing = this.#list(dir);
      at = (await listing).get(unique);
    }
    return null;
  }

  /** Puts a message back under the name it had, into `cur` when it had flags. Never overwrites. */
  async putBack(dir: string, file: string, data: Uint8Array): Promise<void> {
    const { unique, flags } = parseName(file);
    if (await this.#isThere(dir, unique)) return;
    const tmp = `${dir}/tmp/${unique}`;
    await fs.writeFile(tmp, data, { flag: 'wx' });
    await fs.rename(tmp, `${dir}/${flags === '' ? 'new' : 'cur'}/${file}`);
  }

  async #isThere(dir: string, unique: string): Promise<boolean> {
    const isAsDelivered = await fs.access(`${dir}/new/${unique}`).then(
      () => true,
      () => false,
    );
    return isAsDelivered || (await this.#list(dir)).has(unique);
  }

  #list(dir: string): Promise<Listing> {
    let listing = this.#listings.get(dir);
    if (listing === undefined) this.#listings.set(dir, (listing = listingOf(dir)));
    return listing;
  }
}

/** `new` first: what is moved to `cur` meanwhile is seen there. */
async function listingOf(dir: string): Promise<Listing> {
  const listing = new Map<string, string>();
  for (const folder of ['new', 'cur']) {
    const files = await fs.readdir(`${dir}/${folder}`).catch(noneWhenMissing);
    for (const file of files) listing.set(parseName(file).unique, `${folder}/${file}`);
  }
  return listing;
}

async function unlinked(file: string): Promise<boolean> {
  try {
    await fs.unlink(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return false;
  }
}

function noneWhenMissing(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}

function fileOf(at: string): string {
  return at.slice(at.indexOf('/') + 1);
}
