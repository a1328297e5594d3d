/** The commands, in the order in which `--help` lists them. */
import { clock } from './clock.ts';
import type { Command } from './command.ts';
import { dns } from './dns.ts';
import { check } from './check.ts';
import { doctor } from './doctor.ts';
import { farEnd } from './far-end.ts';
import { explain } from './explain.ts';
import { exportTo } from './export.ts';
import { kumod } from './kumod.ts';
import { open } from './open.ts';
import { queue } from './queue.ts';
import { replay } from './replay.ts';
import { route } from './route.ts';
import { send } from './send.ts';
import { serve } from './serve.ts';
import { suppress } from './suppress.ts';

export { UsageError } from './command.ts';

export const COMMANDS: readonly Command[] = [
  serve,
  open,
  send,
  explain,
  check,
  replay,
  route,
  queue,
  suppress,
  clock,
  dns,
  farEnd,
  exportTo,
  doctor,
  kumod,
];
