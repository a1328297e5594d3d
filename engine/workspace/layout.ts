/**
 * Where things are. A workspace is a folder of plain files in git; what the engine keeps for
 * itself is below `.postyard/` and not for git.
 */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';

export interface WorkspaceLayout {
  readonly root: string;
  readonly name: string;
  readonly policyFile: string;
  readonly policyFolder: string;
  readonly settingsFile: string;
  readonly routesFile: string;
  readonly routeCountsFile: string;
  readonly farEndsFile: string;
  readonly zonesFolder: string;
  readonly mailFolder: string;
  /** What must hold, for `postyard check`. */
  readonly expectationsFolder: string;
  /** The suppression list; policies may open it, too. */
  readonly suppressionFile: string;
  /** Everything below is the engine's own. */
  readonly stateFolder: string;
  readonly storeFolder: string;
  readonly tlsFolder: string;
  /** Runs of the Lab. */
  readonly replayFolder: string;
  /** Absolute spool and log paths of a policy are mapped below this folder. */
  readonly remapRoot: string;
  /** How commands find the running engine: pid, url and token, readable by its owner only. */
  readonly engineFile: string;
  /** Kept, so that an open window and a bookmark go on working after a restart. */
  readonly tokenFile: string;
  readonly lockFile: string;
  /** How the last run ended, when the policy hung it. */
  readonly stuckFile: string;
}

export function workspaceLayout(folder: string): WorkspaceLayout {
  const root = resolve(folder);
  const stateFolder = join(root, '.postyard');
  return {
    root,
    name: basename(root),
    policyFolder: join(root, 'policy'),
    policyFile: join(root, 'policy', 'init.lua'),
    settingsFile: join(root, 'postyard.json'),
    routesFile: join(root, 'routes.json'),
    routeCountsFile: join(stateFolder, 'route-counts.json'),
    farEndsFile: join(root, 'far-ends.json'),
    zonesFolder: join(root, 'zones'),
    mailFolder: join(root, 'mail'),
    expectationsFolder: join(root, 'expectations'),
    suppressionFile: join(root, 'suppression.db'),
    stateFolder,
    storeFolder: join(stateFolder, 'store'),
    tlsFolder: join(stateFolder, 'tls'),
    replayFolder: join(stateFolder, 'replay'),
    remapRoot: join(stateFolder, 'root'),
    engineFile: join(stateFolder, 'engine.json'),
    tokenFile: join(stateFolder, 'token'),
    lockFile: join(stateFolder, 'lock'),
    stuckFile: join(stateFolder, 'stuck.json'),
  };
}

/**
 * The workspace a command means: the folder given, else `POSTYARD_WORKSPACE`, else the nearest
 * parent folder that is one (it has `policy/init.lua` and `.postyard/`), else `~/Postyard`.
 */
export function findWorkspace(given: string | undefined, workingFolder: string): WorkspaceLayout {
  const named = given ?? (process.env['POSTYARD_WORKSPACE'] || undefined);
  if (named !== undefined) return workspaceLayout(resolve(workingFolder, named));
  for (let folder = workingFolder; ; folder = dirname(folder)) {
    const layout = workspaceLayout(folder);
    if (existsSync(layout.policyFile) && existsSync(layout.stateFolder)) return layout;
    if (dirname(folder) === folder) break;
  }
  return workspaceLayout(join(homedir(), 'Postyard'));
}
