/**
 * Every command that an action of the window names is run once against a real engine. The list of
 * them comes from the actions: one that is added there and not here fails.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ACTIONS } from '../../renderer/actions.ts';
import { rowTo, sendMail } from '../support/journey.ts';
import { runCommand } from '../support/run-command.ts';
import { ServeProcess } from '../support/serve-process.ts';

const POLICY = `
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.start_esmtp_listener { listen = '127.0.0.1:0' }
end)
kumo.on('make.hook', function(domain)
  local connection = {}
  function connection:send(msg)
    return 'taken'
  end
  return connection
end)
`;
const ROUTE = {
  name: 'to-busy',
  match: { domain: 'busy.test' },
  to: { kind: 'farEnd', name: 'busy' },
};

let engine: ServeProcess;
beforeAll(async () => {
  engine = await ServeProcess.start({ policy: POLICY });
}, 60_000);
afterAll(() => engine[Symbol.asyncDispose]());

/** Where one is in the story: what was received, and where it waits. */
interface Told {
  readonly folder: string;
  readonly seq: string;
  readonly id: string;
  readonly run: string;
}

type Step = readonly [form: string, said: RegExp, args: (told: Told) => readonly string[]];

const BEFORE: readonly Step[] = [
  ['far-end add NAME --preset NAME', /^busy {2}127/, () => ['add', 'busy', '--preset', 'greylist']],
  [
    'far-end add NAME --file FILE',
    /greylist|each new triplet/,
    ({ folder }) => ['add', 'busy', '--file', join(folder, 'busy.json')],
  ],
  ['route add FILE|JSON', /to-busy/, () => ['add', JSON.stringify(ROUTE)]],
  ['send --to ADDRESS', /^250 /, () => ['--to', 'ada@busy.test']],
];

const STORY: readonly Step[] = [
  ['clock freeze', /frozen/, () => ['freeze']],
  ['clock x1', /×?1/, () => ['x1']],
  ['route order NAME NUMBER', /to-busy/, () => ['order', 'to-busy', '1']],
  ['route lua NAME', /to-busy/, () => ['lua', 'to-busy']],
  ['route move', /./, () => ['move']],
  ['route open HOST', /^192\.0\.2\.7$/m, () => ['open', '192.0.2.7']],
  ['route outgoing', /./, () => ['outgoing']],
  ['dns NAME', /localhost/, () => ['localhost', 'A']],
  ['far-end list', /^busy /m, () => ['list']],
  ['far-end on|off NAME', /busy is off/, () => ['off', 'busy']],
  ['far-end reset NAME', /busy/, () => ['reset', 'busy']],
  ['far-end reset NAME --received', /busy/, () => ['reset', 'busy', '--received']],
  ['explain --to ADDRESS', /busy\.test/, () => ['--to', 'ada@busy.test']],
  [
    'explain --to ADDRESS --what-if NAME=off',
    /to-busy off/,
    () => ['--to', 'ada@busy.test', '--what-if', 'to-busy=off'],
  ],
  [
    'explain --to ADDRESS --save NAME --into FILE',
    /Saved as "kept" in expectations\/kept\.json/,
    () => ['--to', 'ada@busy.test', '--save', 'kept', '--into', 'kept.json'],
  ],
  ['explain --row SEQ', /busy\.test/, ({ seq }) => ['--row', seq]],
  [
    'explain --row SEQ --save NAME',
    /Saved as "captured" in expectations\/routing\.json/,
    ({ seq }) => ['--row', seq, '--save', 'captured'],
  ],
  ['check', /2 hold, 0 fail/, () => []],
  ['check FILE --case NAME', /1 hold, 0 fail/, () => ['kept.json', '--case', 'kept']],
  ['replay ROW', /1 as before|1 differ/, ({ seq }) => [seq]],
  [
    'replay ROW --script FILE',
    /run /,
    ({ seq, folder }) => [seq, '--script', `init.lua=${join(folder, 'policy/init.lua')}`],
  ],
  ['replay --filter TEXT', /run /, () => ['--filter', 'to:ada']],
  ['replay ROW --constructor NAME', /taken/, ({ seq }) => [seq, '--constructor', 'make.hook']],
  ['replay ROW --http far-ends', /run /, ({ seq }) => [seq, '--http', 'far-ends']],
  ['replay --runs', /constructor make\.hook/, () => ['--runs']],
  ['replay --show RUN', /run /, ({ run }) => ['--show', run]],
  ['replay ROW --for-real', /1 copies were queued/, ({ seq }) => [seq, '--for-real']],
  ['suppress add ADDRESS', /1 added/, () => ['add', 'gone@busy.test']],
  [
    'suppress add ADDRESS --from DOMAIN',
    /1 added/,
    () => ['add', 'left@busy.test', '--from', 'shop.example'],
  ],
  ['suppress list', /gone@busy\.test/, () => ['list']],
  [
    'suppress export FILE --format csv',
    /^$/,
    ({ folder }) => ['export', join(folder, 'out.csv'), '--format', 'csv'],
  ],
  [
    'suppress export FILE --format json',
    /^$/,
    ({ folder }) => ['export', join(folder, 'out.json'), '--format', 'json'],
  ],
  ['suppress import FILE', /2 listed already/, ({ folder }) => ['import', join(folder, 'out.csv')]],
  ['suppress remove ADDRESS', /1 removed/, () => ['remove', 'gone@busy.test']],
  [
    'suppress remove ADDRESS --from DOMAIN',
    /1 removed/,
    () => ['remove', 'left@busy.test', '--from', 'shop.example'],
  ],
  ['suppress mode reject', /^mode reject/, () => ['mode', 'reject']],
  ['suppress mode null', /^mode null/, () => ['mode', 'null']],
  ['suppress mode bounce', /^mode bounce/, () => ['mode', 'bounce']],
  ['suppress mode off', /^mode off/, () => ['mode', 'off']],
  ['suppress lua --mode reject', /kumo\.reject/, () => ['lua', '--mode', 'reject']],
  ['suppress lua --mode null', /null/, () => ['lua', '--mode', 'null']],
  ['suppress lua --mode bounce', /kumo/, () => ['lua', '--mode', 'bounce']],
  [
    'suppress demo',
    /^reject: 550[^]*^null: 250[^]*^bounce: 250[^]*^nobody listed: 250/m,
    () => ['demo', '--to', 'demo@busy.test'],
  ],
  ['suppress demo reset', /as before the demo/, () => ['demo', 'reset']],
  ['queue suspend NAME', /suspended/, () => ['suspend', 'busy.test']],
  ['queue resume NAME', /resumed/, () => ['resume', 'busy.test']],
  ['queue due NAME --in DURATION', /./, () => ['due', 'busy.test', '--in', '2h']],
  ['clock next', /./, () => ['next']],
  ['queue deliver --id ID', /./, ({ id }) => ['deliver', '--id', id]],
  ['queue deliver NAME', /./, () => ['deliver', 'busy.test']],
  [
    'queue rebind NAME --routing-domain D',
    /./,
    () => ['rebind', 'busy.test', '--routing-domain', 'elsewhere.test'],
  ],
  ['queue bounce --id ID', /./, ({ id }) => ['bounce', '--id', id]],
  ['queue bounce NAME', /./, () => ['bounce', 'busy.test']],
  ['queue stop-bounce NAME', /./, () => ['stop-bounce', 'busy.test']],
  ['clock x60', /60/, () => ['x60']],
  ['clock x3600', /3,?600/, () => ['x3600']],
  ['clock forward DURATION', /./, () => ['forward', '10m']],
  ['clock stop', /./, () => ['stop']],
  ['clock reset', /./, () => ['reset', '--stay']],
  ['route on|off NAME', / off {2}to-busy/, () => ['off', 'to-busy']],
  ['route lua', /No route is on/, () => ['lua']],
  [
    'share FILE.postyard --id N',
    /Open it with/,
    ({ folder, seq }) => [join(folder, 'a.postyard'), '--id', seq],
  ],
  [
    'share FILE.postyard --id N --with-policy',
    /Open it with/,
    ({ folder, seq }) => [join(folder, 'b.postyard'), '--id', seq, '--with-policy'],
  ],
  [
    'share FILE.postyard --query FILTER',
    /Open it with/,
    ({ folder }) => [join(folder, 'c.postyard'), '--query', 'to:ada'],
  ],
  ['mail save FILE.mbox FILTER', /./, ({ folder }) => ['save', join(folder, 'out.mbox'), 'to:ada']],
  [
    'mail release ROW --to HOST:PORT|ROUTE',
    /^released 1 to 127\.0\.0\.1:1 /,
    ({ seq }) => ['release', seq, '--to', '127.0.0.1:1'],
  ],
  ['mail delete FILTER', /./, () => ['delete', 'to:ada']],
  ['route remove NAME', /otherwise/, () => ['remove', 'to-busy']],
  ['far-end remove NAME', /busy removed/, () => ['remove', 'busy']],
  ['doctor', /policy/, () => []],
];

test('each has a step here', () => {
  const named = new Set(ACTIONS.flatMap(({ cli }) => cli ?? []));
  expect([...BEFORE, ...STORY].map(([form]) => form).sort()).toEqual([...named].sort());
});

test('each does what it says', { timeout: 120_000 }, async () => {
  const folder = engine.workspace;
  writeFileSync(
    join(folder, 'busy.json'),
    '{ "rules": [{ "do": "greylist", "at": "rcpt", "delay": "1h" }] }',
  );
  const told = { folder, seq: '', id: '', run: '' };
  const take = async ([form, said, args]: Step): Promise<void> => {
    const [name = ''] = form.split(' ');
    const given = args(told);
    const { status, out } = await runCommand(name, ...given, '--workspace', folder);
    expect.soft({ form, status, out }).toEqual({
      form,
      status: 0,
      out: expect.stringMatching(said) as string,
    });
    told.run = /\(run (\S+)\)/.exec(out)?.[1] ?? told.run;
  };
  for (const step of BEFORE) await take(step);
  const row = await rowTo(engine, 'ada@busy.test', 'deferred');
  Object.assign(told, { seq: String(row.seq), id: row.messageId ?? '' });
  for (const step of STORY) await take(step);
});

test('a host that is not open cannot be closed; capture has two positions', async () => {
  const run = (...args: string[]) => runCommand('route', ...args, '--workspace', engine.workspace);
  expect(await run('open', '192.0.2.9')).toMatchObject({ status: 0 });
  expect((await run('close', '192.0.2.8')).out).toMatch(
    /192\.0\.2\.8 is not open, expected one of/,
  );
  expect(await run('close', '192.0.2.9')).toMatchObject({ status: 0 });
  expect((await run('capture', 'off')).out).toMatch(/ off {2}capture what would leave/);
  expect(await run('capture', 'maybe')).toMatchObject({ status: 2 });
  expect(await sendMail(engine, 'bob@example.com')).toMatch(/^250 /);
  expect(await run('capture', 'on')).toMatchObject({ status: 0 });
});
