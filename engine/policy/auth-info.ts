/** Who a client is, as a table of the policy says it: what the auth events return. */
import type { AuthInfo } from '../mail/connection-meta.ts';
import { ipAddress } from './config-scalars.ts';
import {
  defaulted,
  list,
  optional,
  parsed,
  required,
  struct,
  text,
  type Shape,
} from './config-serde.ts';

export const AUTH_INFO: Shape<AuthInfo> = parsed(
  struct(
    'AuthInfo',
    {
      peer_address: optional(ipAddress),
      identities: defaulted(
        list(struct('Identity', { identity: required(text), context: required(text) })),
        [],
      ),
      groups: defaulted(list(text), []),
    },
    'ignore',
  ),
  (read) => ({
    peerAddress: read.peer_address,
    identities: read.identities.map(({ identity, context }) => ({ identity, context })),
    groups: read.groups,
  }),
);
