/**
 * `postyard export kumomta`: a folder that KumoMTA itself runs, made of the workspace's policy, its
 * routes and its suppression as Lua, and a `start.lua` that lays them over the policy.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { RouteLua, SuppressionLua, SuppressionStatus } from '../api/protocol.ts';
import { copySuppressionFile } from '../suppression/suppression-file.ts';
import { findWorkspace } from '../workspace/layout.ts';
import { UsageError, callersFolder, readArguments } from './command.ts';
import type { Command } from './command.ts';
import { EngineClient } from './engine-client.ts';

const START = join(import.meta.dirname, '../workspace/kumomta-start.lua');

/** Names beside `init.lua` that the bundle uses itself. */
const WRITTEN = ['routes.lua', 'suppression.lua', 'start.lua', 'suppression.db'];

/** What `start.lua` finds when nothing is suppressed. */
const NO_SUPPRESSION = `-- Suppression was off when this was written.
return { setup = function() end, check = function() end }
`;

export const exportTo: Command = {
  name: 'export',
  summary: 'Write policy, routes and suppression as a folder that KumoMTA runs',
  usage: 'export kumomta FOLDER [--workspace DIR]',
  async run(args) {
    const { values, positionals } = readArguments(args, { workspace: { type: 'string' } });
    const [what, folder, ...more] = positionals;
    if (what !== 'kumomta' || folder === undefined || more.length > 0)
      throw new UsageError(`found "${positionals.join(' ')}", expected: kumomta FOLDER`);
    const target = resolve(callersFolder(), folder);
    if (existsSync(target)) throw new UsageError(`${target} exists, expected a new folder`);
    const engine = EngineClient.find(values.workspace);
    if (engine === null) return 3;
    const layout = findWorkspace(values.workspace, callersFolder());
    const taken = WRITTEN.filter((name) => existsSync(join(layout.policyFolder, name)));
    if (taken.length > 0)
      throw new UsageError(
        `${layout.policyFolder} has ${taken.join(', ')}, expected these names to be free`,
      );
    const routes = await engine.get<RouteLua>('/lua/routes?form=module');
    const { mode } = await engine.get<SuppressionStatus>('/suppression/settings');
    mkdirSync(target, { recursive: true });
    cpSync(layout.policyFolder, target, { recursive: true });
    writeFileSync(join(target, 'routes.lua'), routes.text);
    writeFileSync(join(target, 'start.lua'), readFileSync(START));
    if (mode === 'off') writeFileSync(join(target, 'suppression.lua'), NO_SUPPRESSION);
    else {
      const { text } = await engine.get<SuppressionLua>(`/suppression/lua?mode=${mode}`);
      writeFileSync(join(target, 'suppression.lua'), text);
      copySuppressionFile(layout.suppressionFile, join(target, 'suppression.db'));
    }
    process.stdout.write(advice(target, mode !== 'off'));
    return 0;
  },
};

function advice(folder: string, hasSuppression: boolean): string {
  return `${folder} holds the policy, routes.lua, suppression.lua and start.lua.
On the server: copy it to /opt/kumomta/etc/policy (or set POLICY_FOLDER) and start
  kumod --policy /opt/kumomta/etc/policy/start.lua
${hasSuppression ? 'suppression.db goes to /opt/kumomta/suppression.db (or set SUPPRESSION_DB).\n' : ''}Far ends and what was captured instead of leaving stay here: there, mail leaves.
`;
}
