/** `/api-docs/openapi.json`: the paths and methods there are, made from the tables of routes. */
import type { Routes } from './route.ts';

export function openApiRoutes(routes: Routes): Routes {
  const paths = Object.fromEntries(
    Object.entries(routes).map(([path, methods]) => [
      path,
      Object.fromEntries(
        Object.keys(methods).map((method) => [
          method.toLowerCase(),
          {
            responses: { default: { description: 'JSON, or plain text when something is wrong' } },
          },
        ]),
      ),
    ]),
  );
  const document = {
    openapi: '3.1.0',
    info: { title: 'Injection and administration', version: '1' },
    paths,
  };
  return { '/api-docs/openapi.json': { GET: () => ({ body: document }) } };
}
