/** Request shapes that explain, expectations and replay share. */
import { z } from 'zod';

/** Of a whole request. */
export const BODY_BYTES_MAX = 32 * 1024 * 1024;
const TEXT_MAX = 25 * 1024 * 1024;

export const stubs = z
  .array(
    z.strictObject({
      kind: z.enum(['http', 'dns', 'redis']),
      match: z.string().min(1),
      status: z.int().min(100).max(599).optional(),
      headers: z.record(z.string(), z.string()).optional(),
      body: z.string().optional(),
      answer: z.unknown().optional(),
      error: z.string().optional(),
    }),
  )
  .max(200);

export const files = z.record(z.string().min(1), z.string());
export const switches = z.record(z.string().min(1), z.boolean());
export const seed = z.int().min(0);

/** A message and how it would arrive. */
export const message = z.strictObject({
  from: z.string().max(1_000).optional(),
  to: z.array(z.string().min(1).max(1_000)).min(1).max(1_000).optional(),
  headers: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[!-9;-~]+$/, 'expected the name of a header'),
        value: z.string(),
      }),
    )
    .max(1_000)
    .optional(),
  text: z.string().max(TEXT_MAX).optional(),
  eml: z.string().max(TEXT_MAX).optional(),
  row: z.int().min(1).optional(),
  meta: z.record(z.string().min(1), z.json()).optional(),
  auth: z.strictObject({ user: z.string(), password: z.string().optional() }).optional(),
  peer: z
    .string()
    .regex(/^[0-9a-fA-F.:]+$/, 'expected an IP address')
    .optional(),
  ehlo: z.string().regex(/^\S+$/, 'expected a name without blanks').optional(),
  stubs: stubs.optional(),
  routes: switches.optional(),
  seed: seed.optional(),
});

export const explainRequest = z.strictObject({
  ...message.shape,
  whatIf: z.strictObject({ routes: switches }).optional(),
  files: files.optional(),
});
