import { Router } from 'express';
import { apiReferencePage } from './api-reference-page.ts';
import { buildOpenApiDocument } from './openapi.ts';

/** The API's description, for programs and for people. */
export function openApiRoutes(): Router {
  const document = buildOpenApiDocument();
  const page = apiReferencePage(document);
  const router = Router();
  router.get('/openapi.json', (_request, response) => {
    response.json(document);
  });
  router.get('/docs', (_request, response) => {
    response.type('html').send(page);
  });
  return router;
}
