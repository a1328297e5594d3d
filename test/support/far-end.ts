/** Far ends in the test's own process: one from a spec, with a mail clock that can be moved. */
import { CapturedMails } from '../../engine/farends/captured-mail.ts';
import { FarEndCertificates } from '../../engine/farends/certificates.ts';
import { FarEnd } from '../../engine/farends/far-end.ts';
import { farEndSchema } from '../../engine/farends/far-end-schema.ts';
import { CountingClock } from './delivery.ts';
import { SimClock } from './sim-clock.ts';

/** One for all tests of a file: making the authority takes a moment. */
const certificates = new FarEndCertificates(null, new CountingClock());

export const farEndAuthority = (): Promise<string> => certificates.authority();

export class TestFarEnd implements AsyncDisposable {
  readonly clock = new CountingClock();
  readonly mailClock = new SimClock();
  readonly farEnd: FarEnd;
  changes = 0;

  private constructor(farEnd: (self: TestFarEnd) => FarEnd) {
    this.farEnd = farEnd(this);
  }

  static async start(spec: Readonly<Record<string, unknown>> = {}): Promise<TestFarEnd> {
    const captured = await CapturedMails.open(null);
    const test = new TestFarEnd(
      (self) =>
        new FarEnd(farEndSchema.parse({ name: 'test', ...spec }), {
          mailClock: self.mailClock,
          clock: self.clock,
          certificates,
          captured,
          onChange: () => self.changes++,
        }),
    );
    await test.farEnd.start([0]);
    return test;
  }

  get port(): number {
    return this.farEnd.port ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.farEnd.stop();
  }
}
