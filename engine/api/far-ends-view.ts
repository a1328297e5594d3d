/** The far ends, their state and what they received, as the window and the commands ask for them. */
import { basename } from 'node:path';
import { toError } from '../base/assert.ts';
import type { CapturedMail } from '../farends/captured-mail.ts';
import { describeScenario } from '../farends/describe-scenario.ts';
import type { FarEnd } from '../farends/far-end.ts';
import { BUILT_IN } from '../farends/far-ends.ts';
import type { FarEnds } from '../farends/far-ends.ts';
import { checkFarEnd } from '../farends/far-ends-file.ts';
import { PRESETS } from '../farends/presets.ts';
import type { FarEndsDoor } from './doors.ts';
import { farEndForm } from './far-end-form.ts';
import type {
  FarEndCheck,
  FarEndCheckRequest,
  FarEndForm,
  FarEndList,
  FarEndMail,
  FarEndMailDetail,
  FarEndPlace,
  FarEndPutRequest,
  FarEndReceived,
  FarEndRequest,
  FarEndRow,
  FarEndSwitchRequest,
} from './protocol.ts';
import { ApiProblem } from './route.ts';

const SOURCE_BYTES_MAX = 256 * 1024;

export class FarEndsView implements FarEndsDoor {
  readonly #farEnds: FarEnds;

  constructor(farEnds: FarEnds) {
    this.#farEnds = farEnds;
  }

  list(): FarEndList {
    return {
      farEnds: this.#farEnds.list().map((farEnd) => this.#row(farEnd)),
      problem: this.#farEnds.problemText(),
      file: basename(this.#farEnds.file),
      presets: PRESETS,
    };
  }

  form(): FarEndForm {
    return farEndForm();
  }

  check({ farEnd }: FarEndCheckRequest): FarEndCheck {
    const checked = checkFarEnd(farEnd);
    if (checked.ok) return { problem: null, scenario: describeScenario(checked.spec) };
    const { path, message } = checked;
    return { problem: { path, message }, scenario: null };
  }

  async put({ farEnd, was, at }: FarEndPutRequest): Promise<FarEndList> {
    const place = was === undefined ? at : this.#farEnds.placeOf(was);
    await said(() => this.#farEnds.put(farEnd, place));
    if (was !== undefined && was !== farEnd['name']) await said(() => this.#farEnds.remove(was));
    return this.list();
  }

  async remove({ name }: FarEndRequest): Promise<FarEndList> {
    const hadIt = await said(() => this.#farEnds.remove(name));
    if (hadIt) return this.list();
    if (name === BUILT_IN)
      throw new ApiProblem(409, 'built-in', `${BUILT_IN} is always there; it can be turned off`);
    throw unknown(name);
  }

  async switch({ name, on }: FarEndSwitchRequest): Promise<FarEndList> {
    this.#find(name);
    await said(() => this.#farEnds.switch(name, on));
    return this.list();
  }

  async reset({ name, received }: FarEndRequest): Promise<FarEndList> {
    const farEnd = this.#find(name);
    farEnd.reset();
    if (received === true) await farEnd.captured.clear();
    return this.list();
  }

  received(name: string, limit: number, before: string | null): FarEndReceived {
    const { mails, more } = this.#find(name).captured.list(limit, before);
    return { mails: mails.map(mailRow), more };
  }

  async mail(name: string, id: string): Promise<FarEndMailDetail | null> {
    const { captured } = this.#find(name);
    const mail = captured.find(id);
    const bytes = mail && (await captured.source(id));
    if (!mail || !bytes) return null;
    const { realTimeMs, ehlo, tls, user, messageId, transcript, sizeBytes } = mail;
    return {
      ...mailRow(mail),
      ...{ realTimeMs, ehlo, tls, user, messageId, transcript },
      source: bytes.subarray(0, SOURCE_BYTES_MAX).toString('utf8'),
      isCut: sizeBytes > Math.min(bytes.byteLength, SOURCE_BYTES_MAX),
    };
  }

  /** Where an attempt with this peer and final reply led; null: to no far end. */
  placeOf(peer: string | null, reply: string): FarEndPlace | null {
    const port = Number(/^(?:127\.0\.0\.1|\[?::1\]?):(\d+)$/.exec(peer ?? '')?.[1] ?? 0);
    const name = port === 0 ? null : this.#farEnds.nameAt(port);
    if (name === null) return null;
    return { name, id: this.#farEnds.receivedAt(port, reply)?.mail.id ?? null };
  }

  #find(name: string): FarEnd {
    const farEnd = this.#farEnds.find(name);
    if (farEnd === null) throw unknown(name);
    return farEnd;
  }

  #row(farEnd: FarEnd): FarEndRow {
    const { spec, status } = farEnd;
    const { state, problem, port, hits, received, remembered, connections } = status;
    const written = this.#farEnds.written(spec.name);
    return {
      name: spec.name,
      ...{ state, problem, hits, received, remembered, connections },
      address: port === null ? null : `127.0.0.1:${port}`,
      protocol: spec.protocol,
      scenario: describeScenario(spec),
      lastReply: status.lastReply,
      lastHitMs: status.lastHitMs,
      spec: written ?? { name: spec.name },
      isBuiltIn: written === null,
    };
  }
}

function mailRow(mail: CapturedMail): FarEndMail {
  const { id, timeMs, sender, recipients, subject, sizeBytes, reply } = mail;
  return { id, timeMs, sender, recipients, subject, sizeBytes, reply };
}

function unknown(name: string): ApiProblem {
  return new ApiProblem(404, 'no-far-end', `no far end ${name} in this workspace`);
}

/** A mistake of whoever asked is an answer, not a failure of the engine. */
async function said<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new ApiProblem(400, 'invalid', toError(error).message);
  }
}
