/**
 * `kumo.dkim.*`: signers for `msg:dkim_sign` and `msg:arc_seal`. Signers with equal parameters are
 * made once and kept for their `ttl`; the key decides the algorithm.
 *
 * Source: reference `lua-api.md` §3.18.
 */
import type { EpochMs } from '../../base/clock.ts';
import { parseDkimKey, signMessage } from '../../mail/dkim.ts';
import type { DkimSigner } from '../../mail/dkim.ts';
import { deserialize, materialize } from '../config-read.ts';
import type { PairsOf } from '../config-read.ts';
import { duration, keySource } from '../config-scalars.ts';
import {
  bool,
  defaulted,
  enumeration,
  list,
  optional,
  required,
  struct,
  text,
  unsigned,
} from '../config-serde.ts';
import type { HostCall, HostFunction, UserdataType } from '../lua/host-function.ts';
import { HostObject } from '../lua/lua-value.ts';
import { luaJsonText } from '../lua-json.ts';
import type { BindingDeps, Bindings } from './bindings.ts';
import { inert } from './inert.ts';
import { debugKey, readKey } from './key-source.ts';
import { after } from './settle.ts';

const TTL_MS = 300_000;
const SIGNERS_MAX = 1_024;

const CANONICALIZATION = enumeration('Relaxed', 'Simple');

/** Unknown keys are ignored, as KumoMTA does here and nowhere else. */
const SIGNER = struct(
  'SignerConfig',
  {
    domain: required(text),
    selector: required(text),
    headers: required(list(text)),
    atps: optional(text),
    atpsh: optional(text),
    agent_user_identifier: optional(text),
    expiration: optional(unsigned('u64')),
    body_length: defaulted(bool, false),
    reporting: defaulted(bool, false),
    header_canonicalization: defaulted(CANONICALIZATION, 'Relaxed'),
    body_canonicalization: defaulted(CANONICALIZATION, 'Relaxed'),
    key: required(keySource),
    over_sign: defaulted(bool, false),
    ttl: defaulted(duration, TTL_MS),
  },
  'ignore',
);

type SignerConfig = ReturnType<typeof SIGNER.read>;

/** What `msg:dkim_sign` takes. */
export class PolicySigner extends HostObject {
  readonly luaTypeName = 'Signer';
  readonly signer: DkimSigner;

  constructor(signer: DkimSigner) {
    super();
    this.signer = signer;
  }

  sign(data: Uint8Array, now: EpochMs): Uint8Array {
    return signMessage(data, this.signer, now);
  }
}

/** Neither methods nor fields: indexing one is an error. */
const SIGNER_TYPE: UserdataType<PolicySigner> = { name: 'Signer', class: PolicySigner };

export function dkimBindings(deps: BindingDeps): Bindings {
  const signers = new Map<string, { readonly signer: PolicySigner; readonly until: EpochMs }>();
  const make = (call: HostCall): PolicySigner | Promise<PolicySigner> => {
    const pairsOf: PairsOf = (object) => call.context.pairsOf(object);
    const table = call.value(1);
    const config = deserialize(SIGNER, table, pairsOf);
    const id = luaJsonText(materialize(table, pairsOf));
    const known = signers.get(id);
    if (known && known.until > deps.mailClock.now()) return known.signer;
    refuseUnsupported(config);
    return after(loadKeyOf(deps, config), (key) => {
      const signer = new PolicySigner(signerOf(config, key));
      signers.delete(id);
      signers.set(id, { signer, until: deps.mailClock.now() + config.ttl });
      if (signers.size > SIGNERS_MAX) signers.delete(signers.keys().next().value ?? '');
      return signer;
    });
  };
  const constructor = (name: string, algorithm: string): HostFunction => ({
    effect: 'read',
    signature: `${name}(parameters) -> Signer`,
    doc: `A signer for ${algorithm} keys: domain, selector, headers and key are required.`,
    run: make,
  });
  return {
    modules: [
      {
        path: ['kumo', 'dkim'],
        functions: {
          rsa_sha256_signer: constructor('rsa_sha256_signer', 'RSA'),
          ed25519_signer: constructor('ed25519_signer', 'Ed25519'),
          set_signing_threads: inert(
            'set_signing_threads(count)',
            'Accepted; messages are signed on the main thread.',
            (call) => call.integer(1, 'usize'),
          ),
        },
      },
    ],
    types: [SIGNER_TYPE],
  };
}

function refuseUnsupported(config: SignerConfig): void {
  const asked = [
    ['atps', config.atps !== null],
    ['atpsh', config.atpsh !== null],
    ['agent_user_identifier', config.agent_user_identifier !== null],
    ['body_length', config.body_length],
    ['reporting', config.reporting],
  ] as const;
  const found = asked.find(([, isAsked]) => isAsked);
  if (found) throw new Error(`${found[0]} is not currently supported`);
  if (!config.headers.some((name) => name.toLowerCase() === 'from')) {
    throw new Error(
      'configure signed headers: failed to build object: missing From in signed headers',
    );
  }
}

function loadKeyOf(deps: BindingDeps, config: SignerConfig): Uint8Array | Promise<Uint8Array> {
  const prefixed = (error: unknown): never => {
    throw new Error(`${debugKey(config.key)}: ${(error as Error).message}`, { cause: error });
  };
  try {
    const key = readKey(deps, config.key);
    return key instanceof Promise ? key.catch(prefixed) : key;
  } catch (error) {
    return prefixed(error);
  }
}

function signerOf(config: SignerConfig, bytes: Uint8Array): DkimSigner {
  try {
    return {
      domain: config.domain,
      selector: config.selector,
      headers: config.headers,
      key: parseDkimKey(bytes),
      headerCanonicalization: config.header_canonicalization,
      bodyCanonicalization: config.body_canonicalization,
      overSign: config.over_sign,
      expiration: config.expiration,
    };
  } catch (error) {
    throw new Error(`${debugKey(config.key)}: ${(error as Error).message}`, { cause: error });
  }
}
