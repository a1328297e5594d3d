/** What can be done with records. */
import type { Action } from '../actions.ts';
import { counted } from '../format/size.ts';
import type { Postyard } from '../state/postyard.svelte.ts';

const current = (yard: Postyard) =>
  yard.log.records.find(({ recordSeq }) => recordSeq === yard.logCursor.current) ?? null;

export const LOG_ACTIONS: readonly Action[] = [
  {
    id: 'log-pause',
    label: 'Pause or resume the log',
    group: 'List',
    keys: ['p'],
    screens: ['log'],
    icon: 'pause',
    hint: (yard) => (yard.log.isPaused ? 'paused' : 'running'),
    run: (yard) => yard.log.togglePause(),
  },
  {
    id: 'log-save',
    label: 'Save records as a file',
    group: 'List',
    screens: ['log'],
    icon: 'download',
    run: async (yard) => {
      const { lines, isComplete } = await yard.log.collect();
      const file = new Blob(
        lines.map((line) => `${line}\n`),
        { type: 'application/x-ndjson' },
      );
      const link = document.createElement('a');
      link.href = URL.createObjectURL(file);
      link.download = 'postyard-records.jsonl';
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
      const left = isComplete ? '' : '; older ones were left out';
      yard.toasts.say(`Saved ${counted(lines.length, 'record')}${left}`);
    },
  },
  {
    id: 'record-open-message',
    label: 'Open its message',
    group: 'This record',
    screens: ['log'],
    icon: 'mail',
    hint: (yard) => current(yard)?.recipient ?? '',
    refusal: (yard) => (current(yard)?.rowSeq == null ? 'The record has no message' : null),
    run: (yard) => {
      const seq = current(yard)?.rowSeq;
      if (seq != null) yard.openRow(seq);
    },
  },
  {
    id: 'record-copy',
    label: 'Copy its JSON',
    group: 'This record',
    keys: ['y'],
    screens: ['log'],
    icon: 'copy',
    refusal: (yard) => (current(yard) ? null : 'No record is chosen'),
    run: async (yard) => {
      const record = current(yard);
      if (!record) return;
      await navigator.clipboard.writeText(record.json);
      yard.toasts.say('Copied the record');
    },
  },
];
