/** Dry runs as the API asks for them, on a workspace's engine, which may be asleep. */
import type { DryDoors } from '../api/dry-doors.ts';
import { ExpectationsView } from '../api/expectations-view.ts';
import { ExplainView } from '../api/explain-view.ts';
import { PolicyFilesView } from '../api/policy-files-view.ts';
import { ReplayView } from '../api/replay-view.ts';
import { cloneJson } from '../mail/json.ts';
import { Message } from '../mail/message.ts';
import { parseEnvelopeAddress } from '../mail/path.ts';
import { arrivalOf } from '../replay/captured.ts';
import type { Captured } from '../replay/captured.ts';
import { receiveInMemory } from '../replay/dry-reception.ts';
import type { WorkspaceEngine } from '../workspace-engine.ts';
import { dryBench } from './dry-bench.ts';

/** Meta of a copy that was queued for real: the row it is a copy of. */
const COPY_META = 'postyard_replay_of';

export function dryDoors(engine: WorkspaceEngine): DryDoors {
  const { store, layout, mailClock } = engine;
  const { clock } = engine.core.options;
  const bench = (): ReturnType<typeof dryBench> => dryBench(engine);
  const explain = new ExplainView({ bench, policyFolder: layout.policyFolder, store });
  return {
    explain,
    expectations: new ExpectationsView({ folder: layout.expectationsFolder, clock, explain }),
    replay: new ReplayView({
      store,
      clock,
      mailClock,
      bench,
      policyFolder: layout.policyFolder,
      runsFolder: layout.replayFolder,
      queueCopy: (captured) => queueCopy(engine, captured),
    }),
    policyFiles: new PolicyFilesView(layout.policyFolder, bench),
  };
}

/** What came by SMTP is received anew for its one recipient; everything else is injected. */
async function queueCopy(engine: WorkspaceEngine, captured: Captured): Promise<readonly number[]> {
  const { core, store } = engine;
  const { row, session, message } = captured.read;
  const to = row.to ?? '';
  const [listener] = core.setup.esmtpListeners;
  if ((session?.protocol ?? 'ESMTP') === 'ESMTP' && listener !== undefined) {
    const { story } = await receiveInMemory(
      core.receptionDeps(),
      { listener, mode: core.options.reception },
      { ...arrivalOf(captured), to: [to], meta: { [COPY_META]: captured.seq } },
    );
    const { code, text } = story.last;
    if (code !== 250) throw new Error(`${code} ${text}`);
    const ids = / ids=([0-9a-f ]+)$/.exec(text)?.[1]?.split(' ') ?? [];
    await store.flush();
    const rows = await Promise.all(
      ids.map((id) => store.read('messageRows', { id: id as Message['id'] })),
    );
    return rows.flat().map(({ seq }) => seq);
  }
  if (message === null) throw new Error('it was not accepted, and no listener can receive it anew');
  const body = await store.read('body', { seq: captured.seq, which: 'final' });
  const copy = new Message({
    id: core.ids.next(),
    sender: parseEnvelopeAddress(message.sender),
    recipients: [parseEnvelopeAddress(to)],
    meta: { ...cloneJson(message.meta), [COPY_META]: captured.seq },
    data: body?.bytes ?? captured.original,
  });
  await core.ownMessages.inject(copy, false);
  return copy.rowSeqs;
}
