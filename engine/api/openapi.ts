/** The OpenAPI page of the engine's API, made from the same declarations that serve it. */
import { z } from 'zod';
import type { Route } from './route.ts';

export function openApi(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const url = `/api/v1${route.url.replace(/:(\w+)/g, '{$1}')}`;
    (paths[url] ??= {})[route.method.toLowerCase()] = {
      summary: route.summary,
      parameters: [...parameters('path', route.params), ...parameters('query', route.query)],
      ...(route.body && {
        requestBody: { content: { 'application/json': { schema: z.toJSONSchema(route.body) } } },
      }),
      responses: {
        200: { description: route.answer },
        400: { description: 'ApiError: something in the request is not as expected' },
        401: { description: 'ApiError: no or wrong token' },
      },
    };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Postyard engine',
      version,
      description: 'Answers are the types of `engine/api/protocol.ts`.',
    },
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    security: [{ token: [] }],
    paths,
  };
}

function parameters(where: 'path' | 'query', schema: z.ZodType | undefined): object[] {
  if (schema === undefined) return [];
  const json = z.toJSONSchema(schema, { io: 'input' }) as {
    properties?: Record<string, object>;
    required?: string[];
  };
  return Object.entries(json.properties ?? {}).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || json.required?.includes(name) === true,
    schema: property,
  }));
}
