/** What the groups of the policy core are given besides `BindingDeps`. */
import type { PolicyWorld } from '../policy-world.ts';
import type { BindingDeps } from './bindings.ts';

export interface CoreDeps extends BindingDeps {
  readonly world: PolicyWorld;
}
