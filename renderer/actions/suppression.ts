/** What can be done with the suppression list, its mode and its demo. */
import type {
  RecipientRow,
  RowDetail,
  SuppressionEntryRow,
  SuppressionMode,
} from '../../engine/api/protocol.ts';
import type { Action } from '../actions.ts';
import { headerAddresses } from '../format/header-address.ts';
import { counted } from '../format/size.ts';
import { WAYS } from '../state/suppression-demo.svelte.ts';
import type { Postyard } from '../state/postyard.svelte.ts';
import { seqsOf } from './mail.ts';

const SCREENS = ['suppression'] as const;
/** Rows whose headers are asked for at once. */
const ROWS_MAX = 100;

export const MODE_NAMES: Readonly<Record<SuppressionMode, string>> = {
  off: 'Off',
  reject: 'Reject 550',
  null: 'Null queue',
  bounce: 'Bounce queue',
};

function chosen(yard: Postyard): SuppressionEntryRow[] {
  const ids = new Set(yard.suppressionCursor.chosen);
  return yard.suppression.entries.filter(({ id }) => ids.has(id));
}

const needsEntry = (yard: Postyard): string | null =>
  yard.suppressionCursor.chosen.length === 0 ? 'No entry is chosen' : null;

function rowsOf(yard: Postyard): RecipientRow[] {
  const rows = seqsOf(yard).map((seq) =>
    yard.opened.seq === seq ? yard.opened.row : yard.mail.rowOf(seq),
  );
  return rows.filter((row): row is RecipientRow => row != null);
}

function detailsOf(yard: Postyard): Promise<RowDetail[]> {
  return Promise.all(
    seqsOf(yard)
      .slice(0, ROWS_MAX)
      .map((seq) => yard.api.row(seq)),
  );
}

/** The domain of the From header, else of the envelope, as the engine looks it up. */
function sendingDomainOf({ headers, row }: RowDetail): string {
  const from = headers.find(({ name }) => name.toLowerCase() === 'from');
  const address = from && headerAddresses(from.decoded)[0]?.address;
  return (address ?? row.from ?? '').split('@').at(-1) ?? '';
}

function saveAs(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function exportAs(format: 'csv' | 'json'): Action {
  return {
    id: `suppress-export-${format}`,
    label: `Export the suppression list as ${format.toUpperCase()}`,
    cli: `suppress export FILE --format ${format}`,
    group: 'List',
    screens: SCREENS,
    icon: 'download',
    refusal: (yard) => (yard.suppression.matching === 0 ? 'The list is empty' : null),
    run: async (yard) => {
      saveAs(await yard.suppression.exportAs(format), `suppression.${format}`);
      yard.toasts.say(`Exported ${counted(yard.suppression.matching, 'entry', 'entries')}`);
    },
  };
}

function modeAction(mode: SuppressionMode): Action {
  return {
    id: `suppress-mode-${mode}`,
    label: mode === 'off' ? 'Suppression off' : `Suppress by: ${MODE_NAMES[mode]}`,
    cli: `suppress mode ${mode}`,
    group: 'Suppression',
    icon: 'suppress',
    hint: (yard) => (yard.suppression.mode === mode ? 'in use' : ''),
    run: async (yard) => {
      await yard.suppression.setMode(mode);
      yard.toasts.say(mode === 'off' ? 'Suppression is off' : `Suppression: ${MODE_NAMES[mode]}`);
    },
  };
}

function copyLua(way: (typeof WAYS)[number]): Action {
  return {
    id: `suppress-lua-${way}`,
    label: `Copy suppression as Lua: ${MODE_NAMES[way]}`,
    cli: `suppress lua --mode ${way}`,
    group: 'Suppression',
    icon: 'copy',
    run: async (yard) => {
      const { text, file } = await yard.suppression.lua(way);
      await navigator.clipboard.writeText(text);
      yard.toasts.say(`Copied ${file}; save it beside init.lua`);
    },
  };
}

export const SUPPRESSION_ACTIONS: readonly Action[] = [
  {
    id: 'suppress-add',
    label: 'Suppress a recipient…',
    cli: 'suppress add ADDRESS',
    group: 'Suppression',
    keys: ['n'],
    screens: SCREENS,
    icon: 'plus',
    run: (yard) => yard.suppression.openForm(true),
  },
  {
    id: 'suppress-remove',
    label: 'Remove',
    cli: 'suppress remove ADDRESS',
    group: 'Suppression',
    keys: ['#', 'Delete'],
    lists: ['suppression'],
    icon: 'trash',
    hint: (yard) => counted(yard.suppressionCursor.chosen.length, 'entry', 'entries'),
    refusal: needsEntry,
    run: async (yard) => {
      const ids = [...yard.suppressionCursor.chosen];
      yard.suppressionCursor.clearSelection();
      await yard.suppression.remove({ ids });
      const { current } = yard.suppressionCursor;
      if (current !== null && ids.includes(current)) yard.suppressionCursor.stepOff(0);
    },
  },
  {
    id: 'suppress-copy',
    label: 'Copy addresses',
    cli: 'suppress list',
    group: 'Suppression',
    keys: ['y'],
    lists: ['suppression'],
    icon: 'copy',
    refusal: needsEntry,
    run: async (yard) => {
      const recipients = chosen(yard).map(({ recipient }) => recipient);
      await navigator.clipboard.writeText(recipients.join('\n'));
      yard.toasts.say(`Copied ${counted(recipients.length, 'address', 'addresses')}`);
    },
  },
  {
    id: 'suppress-open-message',
    label: 'Open the message that caused it',
    group: 'Suppression',
    lists: ['suppression'],
    icon: 'mail',
    hint: (yard) => chosen(yard)[0]?.source ?? '',
    refusal: (yard) =>
      needsEntry(yard) ?? (chosen(yard)[0]?.rowSeq == null ? 'Not from a record' : null),
    run: (yard) => {
      const seq = chosen(yard)[0]?.rowSeq;
      if (seq != null) yard.openRow(seq);
    },
  },
  {
    id: 'suppress-import',
    label: 'Import…',
    cli: 'suppress import FILE',
    group: 'Suppression',
    keys: ['i'],
    screens: SCREENS,
    icon: 'file',
    run: (yard) => chooseFile(yard),
  },
  exportAs('csv'),
  exportAs('json'),
  ...(['off', ...WAYS] as const).map(modeAction),
  ...WAYS.map(copyLua),
  {
    id: 'suppress-demo-run',
    label: 'Run all three',
    cli: 'suppress demo',
    group: 'Suppression',
    keys: ['r'],
    screens: SCREENS,
    icon: 'play',
    refusal: (yard) => (yard.suppressionDemo.running === null ? null : 'It is running'),
    run: (yard) => yard.suppressionDemo.runAll(),
  },
  {
    id: 'suppress-demo-prove',
    label: 'Remove and send again',
    cli: 'suppress demo',
    group: 'Suppression',
    screens: SCREENS,
    icon: 'send',
    refusal: (yard) => (yard.suppressionDemo.running === null ? null : 'It is running'),
    run: (yard) => yard.suppressionDemo.run('off'),
  },
  {
    id: 'suppress-demo-reset',
    label: 'Take the demo back',
    cli: 'suppress demo reset',
    group: 'Suppression',
    screens: SCREENS,
    icon: 'again',
    refusal: (yard) => (yard.suppressionDemo.hasRun ? null : 'Nothing was run'),
    run: async (yard) => {
      await yard.suppressionDemo.reset();
      yard.toasts.say('The demo left nothing behind: list and mail are as before');
    },
  },
  {
    id: 'suppress-demo-present',
    label: 'Present the demo',
    group: 'Suppression',
    keys: ['p'],
    screens: SCREENS,
    icon: 'desktop',
    run: (yard) => yard.place.openOverlay('presentation'),
  },
  {
    id: 'suppress-recipient',
    label: 'Suppress this recipient',
    cli: 'suppress add ADDRESS --from DOMAIN',
    group: 'This message',
    screens: ['mail'],
    icon: 'suppress',
    hint: (yard) => recipientHint(rowsOf(yard)),
    refusal: (yard) =>
      seqsOf(yard).length === 0
        ? 'No message is chosen'
        : rowsOf(yard).some(({ to }) => to !== null)
          ? null
          : 'It has no recipient',
    run: async (yard) => {
      const details = await detailsOf(yard);
      const entries = details.flatMap((detail) =>
        detail.row.to === null
          ? []
          : [{ recipient: detail.row.to, sendingDomain: sendingDomainOf(detail) }],
      );
      await yard.suppression.add({ entries });
    },
  },
  {
    id: 'unsuppress-recipient',
    label: 'Remove suppression',
    cli: 'suppress remove ADDRESS --from DOMAIN',
    group: 'This message',
    screens: ['mail'],
    icon: 'suppress',
    hint: (yard) => recipientHint(suppressedRows(yard)),
    refusal: (yard) => (suppressedRows(yard).length === 0 ? 'Not suppressed' : null),
    run: async (yard) => {
      const details = await detailsOf(yard);
      // The entry names the sender's own domain, or every sender.
      const keys = details.flatMap(({ suppressedBy }) =>
        suppressedBy
          ? [...new Set([suppressedBy.sendingDomain, ''])].map((sendingDomain) => ({
              recipient: suppressedBy.recipient,
              sendingDomain,
            }))
          : [],
      );
      await yard.suppression.remove({ keys });
    },
  },
];

function suppressedRows(yard: Postyard): RecipientRow[] {
  return rowsOf(yard).filter(({ state }) => state === 'suppressed');
}

function recipientHint(rows: readonly RecipientRow[]): string {
  return rows.length > 1 ? counted(rows.length, 'recipient') : (rows[0]?.to ?? '');
}

/** The browser's own dialog; what came of the file is said. */
function chooseFile(yard: Postyard): void {
  const input = document.createElement('input');
  input.type = 'file';
  input.accept = '.csv,.json,.txt,text/csv,application/json';
  input.onchange = () => {
    const [file] = input.files ?? [];
    if (file) importFile(yard, file).catch((cause: unknown) => yard.toasts.fail(cause));
  };
  input.click();
}

async function importFile(yard: Postyard, file: File): Promise<void> {
  const { added, existing, refused, refusedCount } = await yard.suppression.importFile(file);
  const [first] = refused;
  const wrong =
    first === undefined
      ? ''
      : `; ${counted(refusedCount, 'line')} refused, line ${first.line}: ${first.why}`;
  const listed = existing > 0 ? `, ${existing} listed already` : '';
  yard.toasts.say(`Imported ${counted(added, 'entry', 'entries')}${listed}${wrong}`);
}
