import { Router } from 'express';
import { allowMethods } from './allowed-methods.ts';
import { apiReferencePage } from './api-reference-page.ts';
import { buildOpenApiDocument } from './openapi.ts';
import { SECURITY_HEADERS } from './security-headers.ts';

/** The API's description, for programs and for people. */
export function openApiRoutes(): Router {
  const document = buildOpenApiDocument();
  const page = apiReferencePage(document);
  const router = Router();
  router.get('/openapi.json', (_request, response) => {
    response.json(document);
  });
  router.get('/docs', (_request, response) => {
    // Its style stands in the page.
    const policy = `${SECURITY_HEADERS['Content-Security-Policy']}; style-src 'unsafe-inline'`;
    response.set('Content-Security-Policy', policy).type('html').send(page);
  });
  for (const path of ['/openapi.json', '/docs']) allowMethods(router, path, ['GET']);
  return router;
}
