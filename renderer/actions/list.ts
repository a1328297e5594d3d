/** Moving and selecting in lists: the same keys in every one of them. */
import type { Action } from '../actions.ts';
import { focusDetail, focusList, isInDetail } from '../focus.ts';
import type { Screen } from '../state/place.svelte.ts';
import type { Postyard } from '../state/postyard.svelte.ts';

const PAGE_ROWS = 20;

async function moveBy(yard: Postyard, by: number, extend: 'only' | 'extend'): Promise<void> {
  const name = yard.listName;
  focusList(name);
  await yard.cursor.move(by, extend);
  follow(yard);
}

async function moveTo(yard: Postyard, index: number): Promise<void> {
  focusList(yard.listName);
  await yard.cursor.goTo(index);
  follow(yard);
}

/** An open detail pane shows the row the cursor has come to. */
function follow(yard: Postyard): void {
  const { opened, mail, mailCursor, maildirs, maildirCursor } = yard;
  if (yard.listName === 'mail' && opened.seq !== null && mailCursor.current !== null) {
    opened.open(mailCursor.current, mail.rowOf(mailCursor.current));
  }
  if (yard.listName === 'scheduled' && yard.queues.opened !== null) {
    const name = yard.scheduledCursor.current;
    if (name !== null) yard.openQueue(name);
  }
  if (yard.listName === 'expectations' && yard.expectations.opened !== null)
    yard.expectations.open(yard.expectationsCursor.current);
  if (yard.listName === 'far-ends' && yard.farEnds.chosen !== null)
    yard.farEnds.choose(yard.farEndsCursor.current);
  if (yard.listName === 'maildir' && opened.seq !== null) {
    const message = maildirs.messages.find(({ unique }) => unique === maildirCursor.current);
    if (message?.rowSeq != null) opened.open(message.rowSeq);
  }
}

function silent(id: string, label: string, keys: readonly string[], run: Action['run']): Action {
  return { id, label, keys, run, group: 'List', isSilent: true };
}

export const LIST_ACTIONS: readonly Action[] = [
  silent('down', 'Down', ['j', 'ArrowDown'], (yard) => moveBy(yard, 1, 'only')),
  silent('up', 'Up', ['k', 'ArrowUp'], (yard) => moveBy(yard, -1, 'only')),
  silent('down-selecting', 'Select downwards', ['Shift+ArrowDown', 'J'], (yard) =>
    moveBy(yard, 1, 'extend'),
  ),
  silent('up-selecting', 'Select upwards', ['Shift+ArrowUp', 'K'], (yard) =>
    moveBy(yard, -1, 'extend'),
  ),
  silent('page-down', 'A page down', ['PageDown'], (yard) => moveBy(yard, PAGE_ROWS, 'only')),
  silent('page-up', 'A page up', ['PageUp'], (yard) => moveBy(yard, -PAGE_ROWS, 'only')),
  silent('first', 'First', ['Home'], (yard) => moveTo(yard, 0)),
  silent('last', 'Last', ['End'], (yard) => moveTo(yard, Number.MAX_SAFE_INTEGER)),
  silent('open', 'Open', ['Enter'], (yard) => open(yard)),
  silent('back', 'One step back', ['Escape'], (yard) => back(yard)),
  {
    id: 'select',
    label: 'Select the row',
    group: 'List',
    keys: ['x'],
    lists: ['mail', 'maildir', 'lab', 'suppression'],
    icon: 'check',
    refusal: (yard) => (yard.cursor.current === null ? 'No row is chosen' : null),
    run: toggle,
  },
  {
    id: 'clear-selection',
    label: 'Select nothing',
    group: 'List',
    lists: ['mail', 'maildir', 'lab', 'suppression'],
    icon: 'close',
    refusal: (yard) => (yard.cursor.selected.size === 0 ? 'Nothing is selected' : null),
    run: (yard) => yard.cursor.clearSelection(),
  },
  {
    id: 'undo',
    label: 'Undo',
    group: 'List',
    keys: ['z', 'Mod+Z'],
    icon: 'again',
    refusal: (yard) => (yard.toasts.toast?.undo ? null : 'Nothing to undo'),
    run: (yard) => yard.toasts.undo(),
  },
];

function toggle(yard: Postyard): void {
  const { lab } = yard;
  if (yard.listName !== 'lab') yard.cursor.toggle();
  else if (lab.cursor.current !== null) lab.toggle(lab.cursor.current);
}

function open(yard: Postyard): void {
  const { mailCursor, maildirCursor, scheduledCursor, messageCursor, logCursor } = yard;
  switch (yard.listName) {
    case 'mail': {
      const seq = mailCursor.current;
      if (seq === null) return;
      if (yard.opened.seq === seq) focusDetail();
      else yard.opened.open(seq, yard.mail.rowOf(seq));
      return;
    }
    case 'maildir': {
      const current = yard.maildirs.messages.find(({ unique }) => unique === maildirCursor.current);
      if (!current) return;
      if (!current.flags.includes('S')) void yard.maildirs.setFlag([current.unique], 'S', 'add');
      if (current.rowSeq === null)
        return yard.toasts.say('Not written by this engine: it has no journey');
      if (yard.opened.seq === current.rowSeq) focusDetail();
      else yard.opened.open(current.rowSeq);
      return;
    }
    case 'scheduled':
      if (scheduledCursor.current !== null) yard.openQueue(scheduledCursor.current);
      return;
    case 'messages': {
      const messages = yard.queues.detail?.messages ?? [];
      const current = messages.find(({ messageId }) => messageId === messageCursor.current);
      if (current) yard.openRow(current.seq);
      return;
    }
    case 'routes': {
      const name = yard.routesCursor.current;
      if (yard.routes.rowOf(name) !== null) yard.routes.edit(name);
      return;
    }
    case 'far-ends':
      yard.farEnds.choose(yard.farEndsCursor.current);
      return;
    case 'suppression': {
      const entry = yard.suppression.entries.find(
        ({ id }) => id === yard.suppressionCursor.current,
      );
      if (entry?.rowSeq != null) yard.openRow(entry.rowSeq);
      return;
    }
    case 'expectations':
      return yard.expectations.open(yard.expectationsCursor.current);
    case 'tester':
    case 'none':
      return;
    case 'lab': {
      const seq = yard.lab.cursor.current;
      if (seq !== null) void yard.lab.run({ seqs: [seq] });
      return;
    }
    case 'log': {
      const record = yard.log.records.find(({ recordSeq }) => recordSeq === logCursor.current);
      if (record?.rowSeq != null) yard.openRow(record.rowSeq);
      return;
    }
  }
}

/** Screens that do not show the opened row. */
const WITHOUT_DETAIL: ReadonlySet<Screen> = new Set(['queues', 'lab']);

/** One step out: detail pane, selection, opened row, opened queue. */
function back(yard: Postyard): void {
  const { opened, queues } = yard;
  if (isInDetail()) return focusList(yard.place.screen === 'maildir' ? 'maildir' : 'mail');
  if (yard.place.screen === 'routes' && yard.routes.tab === 'far-ends') {
    if (yard.farEnds.mail !== null) return yard.farEnds.closeMail();
    yard.farEnds.choose(null);
    return focusList('far-ends');
  }
  if (yard.place.screen === 'routes' && yard.routes.tab === 'expectations') {
    yard.expectations.open(null);
    return focusList('expectations');
  }
  if (yard.place.screen === 'routes' && yard.routes.tab === 'tester')
    return yard.tester.setSaving(false);
  if (yard.place.screen === 'routes') {
    yard.routes.closeLua();
    return yard.routes.closeEditor();
  }
  if (yard.cursor.selected.size > 0) return yard.cursor.clearSelection();
  if (opened.seq !== null && !WITHOUT_DETAIL.has(yard.place.screen)) return opened.close();
  if (yard.place.screen === 'queues' && queues.opened !== null) {
    if (yard.messageCursor.current !== null) {
      yard.messageCursor.clear();
      return focusList('scheduled');
    }
    return queues.close();
  }
  if (yard.place.screen === 'maildir') return yard.goTo('mail');
}
