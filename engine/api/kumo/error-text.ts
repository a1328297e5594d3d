/**
 * The text of an error as clients of the API read it. A refusal by the policy
 * (`kumo.reject`) reads like any other error of a script: its words, then where it was raised.
 */
import { toError } from '../../base/assert.ts';
import { PolicyReject } from '../../policy/events.ts';

export function errorText(error: unknown): string {
  const { message } = toError(error);
  if (!(error instanceof PolicyReject) || message.includes('stack traceback:')) return message;
  return `${message}\nstack traceback:\n\t[C]: in function 'kumo.reject'`;
}
