/** An explanation as text for a terminal. Pure. */
import { spanText } from '../queue/retry-schedule.ts';
import type {
  ExplainedCase,
  ExplainedRecipient,
  Explanation,
  JourneyPart,
  JourneyStep,
} from '../api/protocol.ts';

export function explanationText({ asIs, whatIf }: Explanation): string {
  if (whatIf === null) return caseText(asIs);
  const differences = asIs.recipients.flatMap((recipient, index) =>
    comparison(recipient, whatIf.recipients[index]),
  );
  const heading = `${whatIf.label}:`;
  const told =
    differences.length === 0 ? [`${heading} the same`] : [heading, ...differences.map(indent)];
  return [caseText(asIs), '', ...told].join('\n');
}

function caseText({ recipients, problem, notes }: ExplainedCase): string {
  const lines: string[] = [];
  if (problem !== null) lines.push(`Policy: ${place(problem.source)}${problem.text}`, '');
  for (const recipient of recipients) lines.push(...recipientLines(recipient), '');
  lines.push(...notes.map((note) => `Note: ${note}`));
  return lines.join('\n').trimEnd();
}

function recipientLines(recipient: ExplainedRecipient): string[] {
  return [
    `${recipient.to}: ${verdict(recipient)}`,
    ...recipient.parts.flatMap((part) => [partLine(part), ...part.steps.map(stepLine)]),
  ];
}

/** One line that says it all. */
export function verdict(recipient: ExplainedRecipient): string {
  const { state, reply, queue, target, protocol, maildirPath, capturedInstead, failure } =
    recipient;
  const [next] = recipient.retries;
  if (state !== 'queued') return `${state}, ${reply.code} ${reply.text}`.trim();
  const where =
    failure !== null
      ? `not delivered: ${failure.split('\n')[0] ?? ''}`
      : capturedInstead !== null
        ? `captured in ${maildirPath ?? ''} instead of leaving to ${capturedInstead}`
        : maildirPath !== null
          ? `maildir ${maildirPath}`
          : `${protocol ?? ''} ${target ?? ''}`.trim();
  const retry = next === undefined ? '' : `, retry after ${spanText(next.afterMs)}`;
  const route = recipient.route === null ? '' : ` by route ${recipient.route}`;
  return `queue ${queue ?? ''}${route}, ${where}${retry}`;
}

function partLine({ title, code, detail, source }: JourneyPart): string {
  const words = [title, code === null ? '' : String(code), detail, source?.label ?? ''];
  return `  ${words.filter((word) => word !== '').join('  ')}`;
}

function stepLine({ kind, what, text, result, source }: JourneyStep): string {
  const where = source === null ? '' : `   [${source.label}]`;
  switch (kind) {
    case 'call':
      return `    ${what}(${text}) -> ${result || 'nothing'}${where}`;
    case 'meta':
      return `      meta ${what}: ${text} -> ${result}${where}`;
    case 'print':
      return `      print ${text.split('\n')[0] ?? ''}${where}`;
    case 'error':
      return `      error ${text}${where}`;
    case 'why':
      return `    ${text}${where}`;
    case 'line':
      return `    ${what.padEnd(10)} ${text}${result === '' ? '' : `   ${result}`}`;
  }
}

function comparison(was: ExplainedRecipient, now: ExplainedRecipient | undefined): string[] {
  if (now === undefined) return [`${was.to}: not there`];
  const [before, after] = [verdict(was), verdict(now)];
  return before === after ? [] : [`${was.to}: ${after}`, `  instead of: ${before}`];
}

function place(source: { readonly label: string } | null): string {
  return source === null ? '' : `${source.label}: `;
}

function indent(line: string): string {
  return `  ${line}`;
}
