/** What a row's detail says of the message itself, from its bytes. */
import type { Inspection } from '../inspect/inspect-message.ts';
import type { RowDetail } from './protocol.ts';

/** @param problem what else is wrong with the row */
export function inspectedFields(
  inspection: Inspection | null,
  problem: string | null,
): Pick<
  RowDetail,
  | ('messageIdHeader' | 'headers' | 'parts' | 'textBody' | 'hasHtml' | 'attachments')
  | ('remoteContent' | 'isPending' | 'parseError')
> {
  const problems = [problem, ...(inspection?.problems ?? [])].filter((one) => one !== null);
  return {
    messageIdHeader: inspection?.messageId ?? null,
    headers: inspection?.headers ?? [],
    parts: inspection?.parts ?? [],
    textBody: inspection?.text ?? null,
    hasHtml: inspection?.hasHtml ?? false,
    attachments: inspection?.attachments ?? [],
    remoteContent: inspection?.remoteContent ?? [],
    isPending: false,
    parseError: problems.length > 0 ? problems.join('; ') : null,
  };
}
