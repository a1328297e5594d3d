/**
 * Message brokers of policies (`kumo.kafka`, `kumo.nats`, `kumo.amqp`): what a policy publishes is
 * told to the diagnostic log and counts as sent, so that the policy goes on as in production.
 *
 * Source: reference `lua-api.md` §3.20, §17.5.
 */
import type { HostCall, HostMethod, UserdataType } from '../lua/host-function.ts';
import { HostObject, LuaTable, MultiValue } from '../lua/lua-value.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import type { BindingDeps, Bindings } from './bindings.ts';
import { bytesOf, textOf } from './lua-data.ts';

type Kind = 'kafka' | 'nats' | 'amqp';

/** Which field of a message names where it goes. */
const TARGET_FIELDS: Readonly<Record<Kind, string>> = {
  kafka: 'topic',
  nats: 'subject',
  amqp: 'routing_key',
};

/** Open until `close`; publishing after that is an error. */
class Broker extends HostObject {
  readonly luaTypeName: string;
  readonly kind: Kind;
  isOpen = true;
  count = 0;

  constructor(kind: Kind, luaTypeName: string) {
    super();
    this.kind = kind;
    this.luaTypeName = luaTypeName;
  }
}
class KafkaProducer extends Broker {}
class NatsClient extends Broker {}
class AmqpClient extends Broker {}

export function brokerBindings(deps: BindingDeps): Bindings {
  const record = (broker: Broker, message: LuaValue): void => {
    if (!broker.isOpen) throw new Error(`${broker.kind} client was closed`);
    broker.count++;
    tell(deps, broker.kind, message);
  };
  const close: HostMethod<Broker> = {
    effect: 'write',
    signature: 'close()',
    doc: 'Ends the client.',
    run: (broker) => {
      broker.isOpen = false;
      return undefined;
    },
  };
  return {
    modules: [
      {
        path: ['kumo', 'kafka'],
        functions: {
          build_producer: {
            effect: 'write',
            signature: 'build_producer(configuration) -> producer',
            doc: 'A producer whose messages are recorded instead of sent.',
            run: (call) => new KafkaProducer('kafka', tableArgument(call, 'Producer')),
          },
        },
      },
      {
        path: ['kumo', 'nats'],
        functions: {
          connect: {
            effect: 'write',
            signature: 'connect(parameters) -> client',
            doc: 'A client whose messages are recorded instead of sent.',
            run: (call) => new NatsClient('nats', tableArgument(call, 'NatsClient')),
          },
        },
      },
      {
        path: ['kumo', 'amqp'],
        functions: {
          build_client: {
            effect: 'write',
            signature: 'build_client(uri) -> client',
            doc: 'A client whose messages are recorded instead of sent.',
            run: (call) => {
              // The URI is read, so that a missing one is refused.
              call.string(1);
              return new AmqpClient('amqp', 'AmqpClient');
            },
          },
          basic_publish: {
            effect: 'write',
            signature: 'basic_publish(message)',
            doc: 'Records a message instead of sending it.',
            run: (call) => void tell(deps, 'amqp', call.value(1)),
          },
        },
      },
    ],
    types: [kafkaType(record, close), natsType(record, close), amqpType(record, close)],
  };
}

function tableArgument(call: HostCall, typeName: string): string {
  if (call.value(1) instanceof LuaTable) return typeName;
  throw call.badArgument(1, `error converting Lua ${call.typeName(1)} to table`);
}

function tell(deps: BindingDeps, kind: Kind, message: LuaValue): void {
  if (!(message instanceof LuaTable)) {
    throw new Error('deserialize error: invalid type, expected a table');
  }
  const field = TARGET_FIELDS[kind];
  const target = textOf(message.get(field));
  if (target === undefined) throw new Error(`deserialize error: missing field \`${field}\``);
  const size = bytesOf(message.get('payload'))?.length ?? 0;
  deps.services.diagnostic('info', `${kind}: ${size} bytes for ${target} recorded, not sent`);
}

type Recorder = (broker: Broker, message: LuaValue) => void;

function kafkaType(record: Recorder, close: HostMethod<Broker>): UserdataType<KafkaProducer> {
  return {
    name: 'Producer',
    class: KafkaProducer,
    methods: {
      send: {
        effect: 'write',
        signature: 'send(message) -> partition, offset',
        doc: 'Records a message; the offset counts up.',
        run: (broker, call) => {
          record(broker, call.value(1));
          return new MultiValue(0, broker.count - 1);
        },
      },
      send_batch: {
        effect: 'write',
        signature: 'send_batch(messages) -> failed, errors',
        doc: 'Records messages; none fails.',
        run: (broker, call) => {
          const messages = call.value(1);
          if (messages instanceof LuaTable) {
            messages.sequence.forEach((message) => record(broker, message));
          }
          return new MultiValue([], []);
        },
      },
      close,
    },
  };
}

function natsType(record: Recorder, close: HostMethod<Broker>): UserdataType<NatsClient> {
  return {
    name: 'NatsClient',
    class: NatsClient,
    methods: { publish: publisher('publish(message)', record), close },
  };
}

function amqpType(record: Recorder, close: HostMethod<Broker>): UserdataType<AmqpClient> {
  return {
    name: 'AmqpClient',
    class: AmqpClient,
    methods: {
      publish: publisher('publish(message)', record),
      publish_with_timeout: publisher('publish_with_timeout(message, milliseconds)', record),
      close,
    },
  };
}

function publisher(signature: string, record: Recorder): HostMethod<Broker> {
  return {
    effect: 'write',
    signature,
    doc: 'Records a message instead of sending it.',
    run: (broker, call) => void record(broker, call.value(1)),
  };
}
