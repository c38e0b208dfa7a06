import { fileURLToPath } from 'node:url';
import { html } from '@order-events/runtime';
import { Router } from 'express';
import { allowMethods } from './allowed-methods.ts';

/** Nothing is fetched from elsewhere, and nothing that the page shows can become a script. Swagger UI draws its icons as data. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** As they come from npm. */
const ASSETS = ['swagger-ui.css', 'swagger-ui-bundle.js'];

const PAGE = html`<!doctype html>
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <title>Orders API</title>
      <link rel="icon" href="data:," />
      <link rel="stylesheet" href="docs/swagger-ui.css" />
    </head>
    <body>
      <noscript>This page needs JavaScript; <a href="openapi.json">openapi.json</a> does not.</noscript>
      <main id="reference"></main>
      <script src="docs/swagger-ui-bundle.js"></script>
      <script src="docs/start.js"></script>
    </body>
  </html> `;

/** Tokens that are typed in are forgotten with the page, and no validator elsewhere is asked. */
const START = `SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#reference',
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  persistAuthorization: false,
  validatorUrl: null,
});
`;

/** The API's reference for people, at /docs: what can be asked, with examples, and a form to try each. */
export function apiReference(): Router {
  const router = Router();
  router.get('/docs', (_request, response) => {
    response.set('Content-Security-Policy', CONTENT_SECURITY_POLICY).type('html').send(String(PAGE));
  });
  router.get('/docs/start.js', (_request, response) => {
    response.type('js').send(START);
  });
  for (const asset of ASSETS) {
    const path = fileURLToPath(import.meta.resolve(`swagger-ui-dist/${asset}`));
    router.get(`/docs/${asset}`, (_request, response) => {
      response.sendFile(path);
    });
  }
  for (const path of ['', '/start.js', ...ASSETS.map((asset) => `/${asset}`)]) {
    allowMethods(router, `/docs${path}`, ['GET']);
  }
  return router;
}
