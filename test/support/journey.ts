/** What journeys do again and again with a running engine: send a line of mail, wait for its row. */
import type {
  Journey,
  RecipientRow,
  RecordRow,
  RowPage,
  RowState,
} from '../../engine/api/protocol.ts';
import { sendRaw } from './raw-smtp.ts';
import { eventually } from './serve-process.ts';
import type { ServeProcess } from './serve-process.ts';

/** Generous: the machine may be busy with other tests. */
export const DEADLINE_MS = 40_000;

const FINAL: ReadonlySet<RowState> = new Set([
  'delivered',
  'bounced',
  'expired',
  'suppressed',
  'rejected',
  'null',
  'aborted',
]);

/** A short message; resolves to the final reply. */
export function sendMail(
  engine: ServeProcess,
  to: string | readonly string[],
  options: { from?: string; headers?: readonly string[]; port?: number } = {},
): Promise<string> {
  const from = options.from ?? 'sender@shop.example';
  const headers = options.headers ?? [
    `From: <${from}>`,
    `To: <${[to].flat().join('>, <')}>`,
    'Subject: A journey',
  ];
  return sendRaw(
    options.port ?? engine.smtpPort,
    { from, to },
    Buffer.from(`${headers.join('\r\n')}\r\n\r\nHello\r\n`),
  );
}

/** The newest row of a recipient, once it has this state. */
export function rowTo(
  engine: ServeProcess,
  to: string,
  state: RowState | 'any' = 'any',
): Promise<RecipientRow> {
  let last = '';
  return eventually(
    `a row to ${to} that is ${state}`,
    async () => {
      const { rows } = await engine.api<RowPage>('/rows?limit=200');
      const row = rows.find((candidate) => candidate.to === to);
      last = row === undefined ? 'absent' : `${row.state}: ${row.lastText}`;
      if (row && (state === 'any' || row.state === state)) return row;
      if (row && FINAL.has(row.state)) throw new Error(`The row to ${to} is not ${state}`);
      return null;
    },
    DEADLINE_MS,
  ).catch((error: Error) => {
    throw new Error(`${error.message}; it is ${last}\n${engine.lines.slice(-20).join('\n')}`);
  });
}

export function journeyOf(engine: ServeProcess, row: RecipientRow): Promise<Journey> {
  return engine.api<Journey>(`/rows/${row.seq}/journey`);
}

/** Records of one message, oldest first, as `[type, num_attempts, code]`. */
export async function recordsOf(
  engine: ServeProcess,
  row: RecipientRow,
): Promise<[string, number, number][]> {
  const { records } = await engine.api<{ records: RecordRow[] }>('/records?limit=500');
  return records
    .filter((record) => record.messageId === row.messageId)
    .reverse()
    .map(({ type, json }) => {
      const record = JSON.parse(json) as { num_attempts: number; response: { code: number } };
      return [type, record.num_attempts, record.response.code];
    });
}
