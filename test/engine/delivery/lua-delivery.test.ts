import { describe, expect, it } from 'vitest';
import { CallTrace } from '../../../engine/delivery/attempt.ts';
import { openLuaSession } from '../../../engine/delivery/lua-delivery.ts';
import { openInProcessSession } from '../../../engine/delivery/in-process-delivery.ts';
import type { DeliverySession } from '../../../engine/delivery/deliverer.ts';
import { PolicyError, PolicyReject } from '../../../engine/policy/events.ts';
import type { LuaConnection } from '../../../engine/policy/events.ts';
import { makeMessage, spoolIds } from '../../support/make-message.ts';
import { SimClock } from '../../support/sim-clock.ts';

const clock = new SimClock();
const message = makeMessage(spoolIds(clock));

interface Script {
  readonly construct?: () => Promise<void>;
  readonly send?: () => Promise<string>;
}

function session(script: Script): { session: DeliverySession; log: string[] } {
  const log: string[] = [];
  const connection: LuaConnection = {
    send: async (messages, batchSize) => {
      log.push(`send ${messages.length} of ${batchSize}`);
      return (await script.send?.()) ?? 'ok';
    },
    close: async () => void log.push('close'),
    release: () => void log.push('release'),
  };
  const events = {
    construct: async (...args: readonly unknown[]) => {
      log.push(`construct ${args.slice(0, 4).join(' ')}`);
      await script.construct?.();
      return connection;
    },
  };
  const settings = {
    sessionId: 's1',
    constructorEvent: 'make.door',
    batchSize: 1,
    domain: 'door.test',
    tenant: 't',
    campaign: null,
  };
  return { session: openLuaSession({ events, realClock: clock }, settings), log };
}

const reject = (code: number, text: string) => async (): Promise<string> => {
  throw new PolicyReject(code, text, 'If421');
};

describe('openLuaSession()', () => {
  it('constructs once and sends several messages over the same connection', async () => {
    const { session: s, log } = session({});
    await s.connect([message]);
    const report = await s.deliver([message]);
    await s.connect([message]);
    await s.deliver([message]);
    await s.close();
    expect(log).toEqual([
      'construct make.door door.test t ',
      'send 1 of 1',
      'send 1 of 1',
      'close',
      'release',
    ]);
    expect(report).toMatchObject({
      outcomes: [
        {
          kind: 'delivered',
          recipients: 'all',
          reply: { code: 200, enhanced: null, text: 'ok', command: null },
        },
      ],
      address: { peerAddress: { name: 'Lua via make.door', addr: '0.0.0.0' } },
      connectionBroken: false,
    });
  });

  it.each([
    [400, 'deferred'],
    [499, 'deferred'],
    [550, 'bounced'],
    [200, 'bounced'],
    [350, 'bounced'],
  ])('a reject with %i is %s and keeps the connection', async (code, kind) => {
    const { session: s, log } = session({ send: reject(code, '4.1.1 as it is') });
    await s.connect([message]);
    const report = await s.deliver([message]);
    expect(report.outcomes[0]).toMatchObject({
      kind,
      reply: { code, enhanced: null, text: '4.1.1 as it is' },
    });
    await s.connect([message]);
    expect(log).not.toContain('close');
  });

  it('a 421 closes, and the next message on the session fails for it', async () => {
    const { session: s, log } = session({ send: reject(421, 'go away') });
    await s.connect([message]);
    const report = await s.deliver([message]);
    expect(report.outcomes[0]).toMatchObject({ kind: 'deferred', reply: { code: 421 } });
    expect(report.connectionBroken).toBe(true);
    expect(log.slice(-2)).toEqual(['close', 'release']);
    await expect(s.connect([message])).rejects.toThrow('only one connection attempt per session');
  });

  it('any other error closes and is thrown on', async () => {
    const text = 'sender:send method failed: runtime error: x:1: jammed';
    const { session: s, log } = session({
      send: async () => {
        throw new PolicyError(text);
      },
    });
    await s.connect([message]);
    await expect(s.deliver([message])).rejects.toThrow(text);
    expect(log).toContain('close');
    await expect(s.connect([message])).rejects.toThrow('only one connection attempt per session');
  });

  it('a failing constructor is a failed connection, a reject no different', async () => {
    const { session: s } = session({
      construct: async () => {
        throw new PolicyError('550 no door today\nstack traceback: …');
      },
    });
    await expect(s.connect([message])).rejects.toMatchObject({
      name: 'ConnectFailure',
      message: '550 no door today\nstack traceback: …',
    });
  });

  it('abort() gives the context back without calling close, also during the constructor', async () => {
    const late: (() => void)[] = [];
    const { session: s, log } = session({
      construct: () => new Promise((resolve) => late.push(resolve)),
    });
    const connecting = s.connect([message]);
    s.abort();
    late[0]?.();
    await expect(connecting).rejects.toThrow('aborted');
    expect(log).toEqual(['construct make.door door.test t ', 'release']);
  });
});

describe('openInProcessSession()', () => {
  const run = async (
    kind: 'httpInjectionGenerator' | 'deferredSmtpInjection',
    result: () => Promise<void>,
  ): Promise<unknown> => {
    const newTrace = (): CallTrace => new CallTrace(clock);
    const protocols = { generate: result, injectDeferred: result, newTrace };
    const s = openInProcessSession(kind, protocols, 'id');
    const { outcomes } = await s.deliver([message]);
    return [outcomes[0]?.kind, outcomes[0]?.reply.code, outcomes[0]?.reply.text];
  };
  const fail = (error: Error) => async (): Promise<void> => {
    throw error;
  };

  it('generates: delivered, or bounced with the error', async () => {
    expect(await run('httpInjectionGenerator', async () => {})).toEqual(['delivered', 250, 'ok']);
    expect(await run('httpInjectionGenerator', fail(new Error('bad')))).toEqual([
      'bounced',
      500,
      'bad',
    ]);
  });

  it('injects later: rebound, bounced from 500 on, deferred otherwise', async () => {
    const rejected = (code: number): Error => new PolicyReject(code, 'no', 'If421');
    expect(await run('deferredSmtpInjection', async () => {})).toEqual(['rebound', 250, 'ok']);
    expect(await run('deferredSmtpInjection', fail(rejected(550)))).toEqual(['bounced', 550, 'no']);
    expect(await run('deferredSmtpInjection', fail(rejected(451)))).toEqual([
      'deferred',
      451,
      'no',
    ]);
    expect(await run('deferredSmtpInjection', fail(new Error('x')))).toEqual([
      'deferred',
      450,
      'x',
    ]);
  });
});
