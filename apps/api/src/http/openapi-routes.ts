import { Router } from 'express';
import { allowMethods } from './allowed-methods.ts';
import { buildOpenApiDocument } from './openapi.ts';

/** The API's description, for programs. */
export function openApiRoutes(): Router {
  const document = buildOpenApiDocument();
  const router = Router();
  router.get('/openapi.json', (_request, response) => {
    response.json(document);
  });
  allowMethods(router, '/openapi.json', ['GET']);
  return router;
}
