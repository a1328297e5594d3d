/**
 * What routes there are, made from their tables: `/api-docs/openapi.json` for programs, `/rapidoc`
 * for people.
 */
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
  const page = routesPage(routes);
  return {
    '/api-docs/openapi.json': { GET: () => ({ body: document }) },
    '/rapidoc': { GET: () => ({ body: page, contentType: 'text/html; charset=utf-8' }) },
  };
}

/** Nothing in it comes from outside: paths and methods of the tables above. */
function routesPage(routes: Routes): string {
  const rows = Object.entries(routes)
    .map(([path, methods]) => `<tr><td>${Object.keys(methods).join(' ')}</td><td>${path}</td></tr>`)
    .join('\n');
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>HTTP API</title></head>
<body>
<h1>HTTP API</h1>
<p>For programs: <a href="/api-docs/openapi.json">openapi.json</a></p>
<table>
${rows}
</table>
</body>
</html>
`;
}
