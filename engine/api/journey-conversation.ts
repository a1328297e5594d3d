/** An SMTP conversation as Journey steps: each command with the reply it got. */
import type { TranscriptLine } from '../store/store.ts';
import type { JourneyStep } from './protocol.ts';

const NO_REPLY = '';

export function conversationSteps(
  transcript: readonly TranscriptLine[],
  peer: string,
): JourneyStep[] {
  const steps: JourneyStep[] = [];
  /** Commands that have no reply yet: with pipelining there may be several. */
  const open: number[] = [];
  for (const line of transcript) {
    if (line.who === 'server') answer(steps, open, line, peer);
    else {
      steps.push(commandStep(line));
      open.push(steps.length - 1);
    }
  }
  return steps;
}

function answer(steps: JourneyStep[], open: number[], line: TranscriptLine, peer: string): void {
  const index = steps.length === 0 ? undefined : open.shift();
  const command = index === undefined ? undefined : steps[index];
  if (index !== undefined && command !== undefined) {
    steps[index] = {
      ...command,
      result: summary(line.text),
      durationMs: line.atMs - (command.offsetMs ?? line.atMs),
    };
  } else {
    const isGreeting = steps.length === 0;
    steps.push({
      ...lineStep(line.atMs, isGreeting ? 'connect' : '', isGreeting ? peer : ''),
      result: summary(line.text),
    });
  }
}

/** A reply on one line: an EHLO list becomes a count. */
function summary(text: string): string {
  const lines = text.split(/\r?\n/).filter((line) => line !== '');
  const [first = ''] = lines;
  if (lines.length <= 1) return first;
  return /^250-.* (Aloha|Hello)/.test(first)
    ? `250 ${lines.length - 1} extensions`
    : `${first} … ${lines.length} lines`;
}

function lineStep(offsetMs: number, what: string, text: string): JourneyStep {
  return { kind: 'line', offsetMs, what, text, result: NO_REPLY, durationMs: null, source: null };
}

/** The data, and other notes about what was not a line, stand in parentheses. */
function commandStep(line: TranscriptLine): JourneyStep {
  const note = /^\((.*)\)$/.exec(line.text)?.[1] ?? (line.who === 'note' ? line.text : null);
  if (note !== null) return lineStep(line.atMs, '.', note.replace(' of message data', ''));
  const [verb = '', ...rest] = line.text.split(' ');
  const argument = rest.join(' ').replace(/^(FROM|TO):<([^>]*)>/i, '$2');
  return lineStep(line.atMs, verb.toUpperCase(), argument);
}
