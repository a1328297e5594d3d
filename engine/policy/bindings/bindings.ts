/**
 * What every group of bindings is given, and the shape in which it returns its share of the Lua
 * world. `all-groups.ts` joins the groups; each group is one file of this folder.
 */
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { SpoolIdSource } from '../../base/ids.ts';
import type { Guard } from '../../guard/guard.ts';
import type { Resolver } from '../../dns/resolver.ts';
import type { HostModule, UserdataType } from '../lua/host-function.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import type { PolicyServices } from '../services.ts';
import type { NetworkAnswers } from './http-exchange.ts';

export interface BindingDeps {
  /** Virtual: `kumo.time`, lifetimes, throttles. */
  readonly mailClock: Clock;
  /** Real: network timeouts, budgets. */
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: SpoolIdSource;
  readonly services: PolicyServices;
  readonly guard: Guard;
  readonly resolver: Resolver;
  /** Answers in the network's place; absent: the guard lets out what may go. */
  readonly network?: NetworkAnswers;
  /** Maps a path the policy used to a real one, or throws when it may not be touched. */
  readonly mapPath: (path: string, mode: 'read' | 'write') => string;
  /** Runs the handler of a policy event in a context of its own (keys that come from an event). */
  readonly callEvent: (event: string, args: readonly LuaValue[]) => Promise<readonly LuaValue[]>;
}

export interface Bindings {
  readonly modules: readonly HostModule[];
  // Types of different userdata classes share one list.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly types: readonly UserdataType<any>[];
  /** Gives back what the group keeps open (connections, pools); called once when the host closes. */
  readonly close?: () => void | Promise<void>;
}
