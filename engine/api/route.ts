/**
 * A route as data: from one declaration come the validation, the handler and the OpenAPI page.
 * Every route needs the bearer token; below `/links/` a short-lived signature serves too.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { ApiDoors } from './doors.ts';

export interface RouteContext {
  readonly doors: ApiDoors;
  /** For answers that are not JSON: set headers, send a stream. */
  readonly reply: FastifyReply;
  /** For bodies that are not JSON. */
  readonly request: Pick<FastifyRequest, 'body'>;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface Route {
  readonly method: Method;
  readonly url: string;
  readonly summary: string;
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** Default: as the server says. */
  readonly bodyBytesMax?: number;
  /** Name of the answer's type in `protocol.ts`. */
  readonly answer: string;
  readonly run: (input: never, context: RouteContext) => Promise<unknown>;
}

type Parsed<T extends z.ZodType | undefined> = T extends z.ZodType ? z.output<T> : undefined;

/** Declares a route; the input of `run` is what the schemas say. */
export function route<
  P extends z.ZodType | undefined,
  Q extends z.ZodType | undefined,
  B extends z.ZodType | undefined,
>(declaration: {
  method: Method;
  url: string;
  summary: string;
  params?: P;
  query?: Q;
  body?: B;
  bodyBytesMax?: number;
  answer: string;
  run: (
    input: { params: Parsed<P>; query: Parsed<Q>; body: Parsed<B> },
    context: RouteContext,
  ) => Promise<unknown>;
}): Route {
  return declaration as Route;
}

type Sent<T> = {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K];
} & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** A body as it was sent: zod says `undefined` where the protocol says absent. */
export function asSent<T extends object>(body: T): T extends object ? Sent<T> : never {
  return Object.fromEntries(
    Object.entries(body).filter(([, value]) => value !== undefined),
  ) as T extends object ? Sent<T> : never;
}

/** An error answer; thrown by routes. */
export class ApiProblem extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = 'ApiProblem';
    this.status = status;
    this.code = code;
  }
}
