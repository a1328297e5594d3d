/**
 * What an editor of far ends offers: every behaviour with its sentence, the stages where it makes
 * sense and its parameters. All of it comes from the schema of `far-ends.json`.
 */
import { z } from 'zod';
import { STAGES_OF, TLS_KINDS, farEndSchema } from '../farends/far-end-schema.ts';
import type { Behaviour } from '../farends/far-end-schema.ts';
import type { FarEndField, FarEndForm } from './protocol.ts';

interface SchemaNode {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly string[];
  readonly description?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly oneOf?: readonly SchemaNode[];
}

export function farEndForm(): FarEndForm {
  const schema = z.toJSONSchema(farEndSchema, { io: 'input' }) as SchemaNode;
  const rules = schema.properties?.['rules']?.items?.oneOf ?? [];
  return {
    tls: TLS_KINDS,
    behaviours: rules.map((rule) => {
      const { do: kind, at: _, ...fields } = rule.properties ?? {};
      const name = String(kind?.const) as Behaviour;
      return {
        name,
        what: rule.description ?? '',
        at: STAGES_OF[name],
        fields: Object.entries(fields)
          .map(([key, node]) => fieldOf(key, node, rule.required?.includes(key) === true))
          .toSorted((a, b) => Number(b.isRequired) - Number(a.isRequired)),
      };
    }),
  };
}

function fieldOf(name: string, node: SchemaNode, isRequired: boolean): FarEndField {
  const isNumber = node.type === 'integer' || node.type === 'number';
  return {
    name,
    kind: node.enum !== undefined ? 'choice' : isNumber ? 'number' : 'text',
    choices: node.enum ?? [],
    hint: node.description ?? '',
    isRequired,
  };
}
