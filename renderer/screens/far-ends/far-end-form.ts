/** A far end as the fields of its editor, and back. What the form does not show stays as it is. */
import type { FarEndBehaviour, FarEndField, FarEndForm } from '../../../engine/api/protocol.ts';

type Spec = Readonly<Record<string, unknown>>;

export interface RuleFields {
  readonly id: number;
  do: string;
  at: string;
  /** By the parameter's name, as text; also those of another behaviour, so that going to and fro loses nothing. */
  values: Record<string, string>;
}

export interface FarEndFields {
  name: string;
  port: string;
  protocol: string;
  tls: string;
  auth: 'none' | 'any' | 'one';
  user: string;
  password: string;
  rules: RuleFields[];
  /** Everything else of the file. */
  rest: Spec;
}

let nextId = 0;

export function ruleFields(
  kind: string,
  at: string,
  values: Record<string, string> = {},
): RuleFields {
  return { id: nextId++, do: kind, at, values };
}

export function fieldsOf(spec: Spec): FarEndFields {
  const { name, port, protocol, tls, auth, rules, ...rest } = spec;
  const login = typeof auth === 'object' && auth !== null ? (auth as Record<string, unknown>) : {};
  return {
    name: textOf(name),
    port: textOf(port),
    protocol: textOf(protocol) || 'smtp',
    tls: textOf(tls) || 'none',
    auth: auth === 'any' ? 'any' : 'user' in login ? 'one' : 'none',
    user: textOf(login['user']),
    password: textOf(login['password']),
    rules: Array.isArray(rules) ? rules.map(ruleOf) : [],
    rest,
  };
}

function ruleOf(rule: unknown): RuleFields {
  const { do: kind, at, ...values } = (rule ?? {}) as Record<string, unknown>;
  return ruleFields(
    textOf(kind),
    textOf(at),
    Object.fromEntries(Object.entries(values).map(([key, value]) => [key, textOf(value)])),
  );
}

/** Nothing is judged here: what is wrong in it comes back from the engine with its place. */
export function specOf(fields: FarEndFields, form: FarEndForm): Spec {
  const { name, port, protocol, tls, auth, user, password, rules, rest } = fields;
  return {
    name: name.trim(),
    ...(port.trim() !== '' && port.trim() !== '0' && { port: numberOr(port) }),
    ...(protocol !== 'smtp' && { protocol }),
    ...(tls !== 'none' && { tls }),
    ...(auth === 'any' && { auth }),
    ...(auth === 'one' && { auth: { user, password } }),
    ...rest,
    ...(rules.length > 0 && { rules: rules.map((rule) => ruleSpec(rule, form)) }),
  };
}

function ruleSpec({ do: kind, at, values }: RuleFields, form: FarEndForm): Spec {
  const fields = behaviourOf(kind, form)?.fields ?? [];
  const given = fields.flatMap((field) => {
    const text = values[field.name] ?? '';
    return text.trim() === '' ? [] : [[field.name, valueOf(text, field)] as const];
  });
  return { do: kind, at, ...Object.fromEntries(given) };
}

export function behaviourOf(name: string, form: FarEndForm): FarEndBehaviour | null {
  return form.behaviours.find((behaviour) => behaviour.name === name) ?? null;
}

/** Lines of a reply are a list. */
function valueOf(text: string, { kind, name }: FarEndField): unknown {
  if (kind === 'number') return numberOr(text);
  return name === 'text' && text.includes('\n') ? text.split('\n') : text;
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (Array.isArray(value)) return value.map(textOf).join('\n');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A text that is no number goes as it is, and is refused with its place. */
function numberOr(text: string): number | string {
  const value = Number(text.trim());
  return Number.isFinite(value) ? value : text.trim();
}
