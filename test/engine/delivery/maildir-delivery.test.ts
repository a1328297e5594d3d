import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../engine/base/random.ts';
import { DirectMaildirs, WorkerMaildirs } from '../../../engine/delivery/maildir-delivery.ts';
import type {
  MaildirDeliverer,
  MaildirOptions,
  MaildirProtocol,
} from '../../../engine/delivery/maildir-delivery.ts';
import { errnoText } from '../../../engine/delivery/errno-replies.ts';
import type { Message } from '../../../engine/mail/message.ts';
import { parseQueueName } from '../../../engine/mail/queue-name.ts';
import { makeMessage, spoolIds } from '../../support/make-message.ts';
import { SystemClock } from '../../../engine/base/clock.ts';
import { SimClock } from '../../support/sim-clock.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const clock = new SimClock();
const ids = spoolIds(clock);

function options(change: Partial<MaildirOptions> = {}): MaildirOptions {
  return {
    clock,
    random: new SeededRandom(1),
    hostname: 'box.test',
    pid: 9,
    mapMaildirPath: (path) => path,
    ...change,
  };
}

function deliver(
  maildirs: MaildirDeliverer,
  message: Message,
  path: string,
  isRepeat = false,
): ReturnType<MaildirDeliverer['deliver']> {
  const queue = message.queueName();
  const protocol: MaildirProtocol = { kind: 'maildir', path, dirMode: null, fileMode: null };
  return maildirs.deliver({ message, queue, queueName: parseQueueName(queue), protocol, isRepeat });
}

const kinds: [string, (o: MaildirOptions) => MaildirDeliverer][] = [
  ['DirectMaildirs', (o) => new DirectMaildirs(o)],
  ['WorkerMaildirs', (o) => new WorkerMaildirs(o, new SystemClock())],
];

describe.each(kinds)('%s', (_, make) => {
  it('writes one file for each recipient, below its own path', async () => {
    await using folder = tempFolder();
    const maildirs = make(options());
    const message = makeMessage(ids, { to: ['ann@box.test', 'bob@box.test'], body: 'data' });
    const { written, failed } = await deliver(
      maildirs,
      message,
      `${folder.path}/{{ domain_part }}/{{ local_part }}`,
    );
    await maildirs.close();
    expect(failed).toEqual([]);
    expect(written.map((w) => w.place)).toEqual([
      `${folder.path}/box.test/ann`,
      `${folder.path}/box.test/bob`,
    ]);
    for (const { place: path, unique } of written) {
      expect(unique).toMatch(/,S=4$/);
      expect(fs.readFileSync(`${path}/new/${unique}`, 'utf8')).toBe('data');
    }
  });

  it('renders every variable, and none where there is no value', async () => {
    await using folder = tempFolder();
    const maildirs = make(options());
    const template =
      'q={{ queue }},c={{ campaign }},t={{ tenant }},d={{ domain }},r={{ routing_domain }},' +
      'l={{ local_part }},e={{ email }},sl={{ sender_local_part }},sd={{ sender_domain_part }},' +
      'm={{ meta.x_folder }},n={{ meta.absent }}';
    const message = makeMessage(ids, {
      to: ['Bob@box.test'],
      meta: { campaign: 'spring', x_folder: 'in' },
    });
    const { written } = await deliver(maildirs, message, `${folder.path}/${template}`);
    await maildirs.close();
    expect(written[0]?.place).toBe(
      `${folder.path}/q=spring:@box.test,c=spring,t=,d=box.test,r=none,` +
        'l=Bob,e=Bob@box.test,sl=sender,sd=shop.test,m=in,n=',
    );
  });

  it('reports a blocked path for its recipient alone, in the words of the system', async () => {
    await using folder = tempFolder();
    fs.writeFileSync(`${folder.path}/ann`, 'in the way');
    const maildirs = make(options());
    const message = makeMessage(ids, { to: ['ann@box.test', 'bob@box.test'] });
    const { written, failed } = await deliver(
      maildirs,
      message,
      `${folder.path}/{{ local_part }}/mail`,
    );
    await maildirs.close();
    expect(written.map((w) => w.recipient)).toEqual([1]);
    expect(failed).toEqual([
      {
        recipient: 0,
        text: `failed to create maildir ${folder.path}/ann/mail for queue box.test: Not a directory (os error 20)`,
      },
    ]);
  });

  it('reports a path that may not be used', async () => {
    await using folder = tempFolder();
    const maildirs = make(
      options({
        mapMaildirPath: () => {
          throw new Error('it is outside of the workspace');
        },
      }),
    );
    const { failed } = await deliver(maildirs, makeMessage(ids), `${folder.path}/x`);
    await maildirs.close();
    expect(failed[0]?.text).toBe(
      `failed to create maildir ${folder.path}/x for queue box.test: it is outside of the workspace`,
    );
  });

  it('throws what is wrong with the template', async () => {
    await using folder = tempFolder();
    const maildirs = make(options());
    await expect(
      deliver(maildirs, makeMessage(ids), `${folder.path}/{{ nothing.at }}`),
    ).rejects.toThrow('undefined value (in maildir_path:1)');
    await maildirs.close();
  });
});

describe('WorkerMaildirs', () => {
  it('finds its own file when a delivery is repeated, also with flags', async () => {
    await using folder = tempFolder();
    const message = makeMessage(ids);
    const first = new WorkerMaildirs(options(), new SystemClock());
    const unique = (await deliver(first, message, folder.path)).written[0]?.unique ?? '';
    await first.close();
    fs.renameSync(`${folder.path}/new/${unique}`, `${folder.path}/cur/${unique}:2,S`);
    const second = new WorkerMaildirs(options({ pid: 10 }), new SystemClock());
    const again = await deliver(second, message, folder.path, true);
    await second.close();
    expect(again.written.map((w) => w.unique)).toEqual([unique]);
    expect(fs.readdirSync(`${folder.path}/new`)).toEqual([]);
  });

  it('makes a folder again that the user removed', async () => {
    await using folder = tempFolder();
    const maildirs = new WorkerMaildirs(options(), new SystemClock());
    await deliver(maildirs, makeMessage(ids), `${folder.path}/m`);
    fs.rmSync(`${folder.path}/m`, { recursive: true });
    const { written } = await deliver(maildirs, makeMessage(ids), `${folder.path}/m`);
    await maildirs.close();
    expect(fs.readdirSync(`${folder.path}/m/new`)).toEqual([written[0]?.unique]);
  });

  it('keeps many bodies apart, and close() waits for all of them', async () => {
    await using folder = tempFolder();
    const maildirs = new WorkerMaildirs(options(), new SystemClock());
    const count = 500;
    const all = Array.from({ length: count }, (_, i) =>
      deliver(
        maildirs,
        makeMessage(ids, { to: [`u${i}@box.test`], body: `body ${i}` }),
        `${folder.path}/{{ local_part }}`,
      ),
    );
    await maildirs.room();
    await maildirs.close();
    const results = await Promise.all(all);
    const texts = results.map(({ written: [w] }) =>
      fs.readFileSync(`${w?.place}/new/${w?.unique}`, 'utf8'),
    );
    expect(texts).toEqual(Array.from({ length: count }, (_, i) => `body ${i}`));
  });
});

describe('errnoText()', () => {
  it.each([
    ['ENOSPC', 'No space left on device (os error 28)'],
    ['EROFS', 'Read-only file system (os error 30)'],
    ['EACCES', 'Permission denied (os error 13)'],
    ['ENAMETOOLONG', 'File name too long (os error 36)'],
  ])('of %s', (code, text) => {
    expect(errnoText(Object.assign(new Error('x'), { code }))).toBe(text);
  });

  it('leaves other errors their own words', () => {
    expect(errnoText(new Error('own words'))).toBe('own words');
  });
});
