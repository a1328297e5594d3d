/**
 * What KumoMTA's policies may call and this engine does not have: log tailers, transfers between
 * nodes. Each raises one explained error, so that nobody takes them for a typing mistake.
 *
 * Source: reference `lua-api.md` §3.20, §16.16.
 */
import type { BindingDeps, Bindings } from './bindings.ts';
import { absent } from './inert.ts';
import { brokerBindings } from './misc-brokers.ts';
import { fileTypeBindings } from './misc-file-type.ts';

const TAILER_REASON = 'log folders are read by the window and by the command line';
const XFER_REASON = 'there is one node, so nothing to transfer messages to';

export function miscBindings(deps: BindingDeps): Bindings[] {
  return [brokerBindings(deps), fileTypeBindings(), absentBindings()];
}

function absentBindings(): Bindings {
  const group = (
    path: readonly string[],
    why: string,
    signatures: readonly string[],
  ): Bindings['modules'][number] => ({
    path,
    functions: Object.fromEntries(
      signatures.map((signature) => {
        const name = signature.replace(/\(.*/, '');
        return [name, absent([...path, name].join('.'), signature, why)];
      }),
    ),
  });
  return {
    modules: [
      group(['kumo', 'jsonl'], TAILER_REASON, [
        'new_tailer(parameters)',
        'new_multi_tailer(parameters)',
        'new_writer(parameters)',
      ]),
      group(['kumo', 'xfer'], XFER_REASON, [
        'xfer(msg, target)',
        'xfer_in_requeue(msg, target)',
        'cancel_xfer(msg)',
        'get_xfer_target(msg) -> url?',
      ]),
    ],
    types: [],
  };
}
