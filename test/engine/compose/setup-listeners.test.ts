import { expect, test } from 'vitest';
import { SetupServices } from '../../../engine/compose/setup-services.ts';
import type { EsmtpListenerSettings } from '../../../engine/policy/settings.ts';

function services(): SetupServices {
  const unused = (): never => {
    throw new Error('not part of this test');
  };
  const log = {
    addLocalLog: unused,
    addHook: unused,
    addDispositionHook: unused,
    setClassifierFiles: unused,
    setAcctLog: unused,
    setAccountingDb: unused,
  };
  return new SetupServices(log, (path) => path, unused, unused);
}

type HttpSettings = Parameters<SetupServices['startHttpListener']>[0];

function http(listen: string): HttpSettings {
  return { listen } as HttpSettings;
}

test('an address that is none is refused in the call that names it', async () => {
  const setup = services();
  await expect(setup.startHttpListener(http('nope'))).rejects.toThrow(
    'failed to bind to nope: invalid socket address',
  );
  expect(setup.httpListeners).toEqual([]);
  await setup.startHttpListener(http('127.0.0.1:0'));
  await setup.startHttpListener(http('0:8000'));
  await setup.startEsmtpListener({ listen: '0:25' } as EsmtpListenerSettings);
  expect([setup.httpListeners.length, setup.esmtpListeners.length]).toEqual([2, 1]);
});
