/**
 * `kumo.aaa.configure_acct_log`: where the audit of identities and permissions goes.
 *
 * Source: reference `http-logs-reception.md` §1.7.
 */
import { deserialize } from '../config-read.ts';
import { duration, minFree } from '../config-scalars.ts';
import { bool, defaulted, optional, path, required, struct, unsigned } from '../config-serde.ts';
import type { HostFunction } from '../lua/host-function.ts';
import type { BindingDeps } from './bindings.ts';

const ACCT_LOG = struct('AcctLogParams', {
  log_dir: required(path),
  max_file_size: defaulted(unsigned('u64'), 1_000_000_000),
  back_pressure: defaulted(unsigned('usize'), 128_000),
  compression_level: defaulted(unsigned('u32'), 0),
  max_segment_duration: optional(duration),
  log_authz_allow: defaulted(bool, true),
  log_authz_deny: defaulted(bool, true),
  log_authn_ok: defaulted(bool, true),
  log_authn_fail: defaulted(bool, true),
  min_free_space: defaulted(minFree, '10%'),
  min_free_inodes: defaulted(minFree, '10%'),
});

export function configureAcctLog(deps: BindingDeps): HostFunction {
  return {
    effect: 'write',
    signature: 'configure_acct_log(parameters)',
    doc: 'Writes who proved to be whom, and who was allowed what.',
    run: async (call) => {
      const pairsOf = call.context.pairsOf.bind(call.context);
      const read = deserialize(ACCT_LOG, call.value(1), pairsOf);
      await deps.services.configureAcctLog({
        logDir: read.log_dir,
        maxFileSize: read.max_file_size,
        maxSegmentDurationMs: read.max_segment_duration,
        compressionLevel: read.compression_level,
        logAuthzAllow: read.log_authz_allow,
        logAuthzDeny: read.log_authz_deny,
        logAuthnOk: read.log_authn_ok,
        logAuthnFail: read.log_authn_fail,
      });
      return undefined;
    },
  };
}
