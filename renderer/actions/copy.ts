/** Copying: what a row is called, where it goes, what it says, and how to send it again by hand. */
import type { Action } from '../actions.ts';
import { curlCommand } from '../format/curl.ts';
import type { MenuItem } from '../state/place.svelte.ts';
import type { Postyard } from '../state/postyard.svelte.ts';
import type { RecipientRow } from '../../engine/api/protocol.ts';

/** A source up to this size is put into the curl command itself. */
const INLINE_SOURCE_BYTES_MAX = 64 * 1024;

function chosenRows(yard: Postyard): RecipientRow[] {
  const rows = yard.mailCursor.chosen
    .map((seq) => yard.mail.rowOf(seq))
    .filter((row): row is RecipientRow => row !== null);
  if (rows.length > 0 && yard.place.screen === 'mail') return rows;
  return yard.opened.row ? [yard.opened.row] : [];
}

async function copy(yard: Postyard, text: string, what: string): Promise<void> {
  await navigator.clipboard.writeText(text);
  yard.toasts.say(`Copied ${what}`);
}

async function sourceText(yard: Postyard, seq: number): Promise<string> {
  const { url } = await yard.api.link({ seq, what: 'source' });
  return (await fetch(url)).text();
}

const needsRow = (yard: Postyard): string | null =>
  chosenRows(yard).length === 0 ? 'No message is chosen' : null;

function copyAction(
  id: string,
  label: string,
  keys: string,
  what: string,
  textOf: (row: RecipientRow) => string | null,
): Action {
  const texts = (yard: Postyard): string[] =>
    chosenRows(yard)
      .map(textOf)
      .filter((text): text is string => text !== null && text !== '');
  return {
    id,
    label,
    keys: [keys],
    group: 'This message',
    screens: ['mail', 'maildir'],
    icon: 'copy',
    hint: (yard) => texts(yard)[0] ?? '',
    refusal: (yard) => needsRow(yard) ?? (texts(yard).length === 0 ? 'It has none' : null),
    run: (yard) => copy(yard, texts(yard).join('\n'), what),
  };
}

const COPIES: readonly Action[] = [
  copyAction('copy-id', 'Copy message id', 'y i', 'the message id', ({ messageId }) => messageId),
  copyAction('copy-recipient', 'Copy recipient', 'y a', 'the recipient', ({ to }) => to),
  copyAction('copy-sender', 'Copy sender', 'y f', 'the sender', ({ from }) => from),
  {
    id: 'copy-source',
    label: 'Copy source',
    keys: ['y s'],
    group: 'This message',
    screens: ['mail', 'maildir'],
    icon: 'copy',
    refusal: needsRow,
    run: async (yard) => {
      const row = chosenRows(yard)[0];
      if (row) await copy(yard, await sourceText(yard, row.seq), 'the source');
    },
  },
  {
    id: 'copy-curl',
    label: 'Copy as curl',
    keys: ['y c'],
    group: 'This message',
    screens: ['mail', 'maildir'],
    icon: 'terminal',
    refusal: needsRow,
    run: async (yard) => {
      const row = chosenRows(yard)[0];
      if (!row) return;
      const source =
        row.sizeBytes <= INLINE_SOURCE_BYTES_MAX ? await sourceText(yard, row.seq) : null;
      const smtp = yard.engine.smtpAddress ?? '127.0.0.1:25';
      await copy(yard, curlCommand(smtp, row.from ?? '', row.to ?? '', source), 'a curl command');
    },
  },
];

export const COPY_ACTIONS: readonly Action[] = [
  {
    id: 'copy',
    label: 'Copy…',
    keys: ['y'],
    group: 'This message',
    screens: ['mail', 'maildir'],
    icon: 'copy',
    refusal: needsRow,
    run: (yard) => yard.place.openMenu({ label: 'Copy', items: copyItems(), ...menuPlace() }),
  },
  ...COPIES,
];

export function copyItems(): readonly MenuItem[] {
  return COPIES.map((action) => ({ kind: 'action', action }));
}

/** Beside the row the keyboard is on, else beside what has the focus. */
function menuPlace(): { x: number; y: number } {
  const element =
    document.querySelector("[data-list]:focus [data-current='true']") ?? document.activeElement;
  const box = element?.getBoundingClientRect();
  return box ? { x: box.left + Math.min(box.width / 2, 160), y: box.bottom } : { x: 200, y: 200 };
}
