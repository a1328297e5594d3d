/** The `Message` userdata, and the shape in which the message methods are written. */
import type { Message } from '../../mail/message.ts';
import type { HostCall, HostMethod, HostResult } from '../lua/host-function.ts';
import { HostObject } from '../lua/lua-value.ts';
import type { Effect } from '../lua/host-function.ts';

export class MessageObject extends HostObject {
  readonly luaTypeName = 'Message';
  readonly message: Message;

  constructor(message: Message) {
    super();
    this.message = message;
  }

  override get weightBytes(): number {
    return this.message.residentSize;
  }

  override describe(): string {
    return `message ${this.message.id}`;
  }
}

export type MessageMethods = Readonly<Record<string, HostMethod<MessageObject>>>;

export function method(
  effect: Effect,
  signature: string,
  doc: string,
  run: (message: Message, call: HostCall) => HostResult,
): HostMethod<MessageObject> {
  return {
    effect,
    signature,
    doc,
    run: (self, call) => run(self.message, call),
  };
}
