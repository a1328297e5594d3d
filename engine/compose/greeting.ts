/** What a person reads after the start of `postyard serve`: where everything is, and what is wrong. */
import type { WorkspaceEngine } from '../workspace-engine.ts';
import { VERSION } from './engine-core.ts';
import type { Listening } from './listeners.ts';

export function greeting(engine: WorkspaceEngine): string {
  const { listening, layout, warnings, policyState } = engine;
  const at = (service: Listening['service'], fallback: string): string =>
    listening
      .filter((one) => one.service === service)
      .map((one) =>
        one.wanted === null ? one.address : `${one.address}   (${one.wanted} was taken)`,
      )
      .join(', ') || fallback;
  const lines = [
    `Postyard ${VERSION} · workspace ${layout.root}`,
    `  SMTP    ${at('smtp', 'none: the policy started no ESMTP listener')}`,
    `  HTTP    ${at('http', 'none')}`,
    `  Window  ${engine.windowUrl}`,
    ...warnings.list.map((warning) => `  Note    ${warning}`),
  ];
  const { problem } = policyState;
  if (problem !== null)
    lines.push(
      `  Policy  ${problem.file}:${problem.line ?? '?'}: ${problem.message.split('\n')[0] ?? ''}`,
    );
  return lines.join('\n');
}
