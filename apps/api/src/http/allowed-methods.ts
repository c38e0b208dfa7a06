import type { Router } from 'express';
import { Problem } from './problem.ts';

/** What a path takes, told to whoever asks, and to whoever sends something else. Add it behind the routes of the path. */
export function allowMethods(router: Router, path: string, methods: readonly string[]): void {
  const withHead = methods.includes('GET') ? ['HEAD', ...methods] : methods;
  const allowed = [...withHead, 'OPTIONS'].toSorted().join(', ');
  router.options(path, (_request, response) => {
    response.status(204).set('Allow', allowed).end();
  });
  router.all(path, (request) => {
    const detail = `${path} takes ${allowed}, not ${request.method}`;
    throw new Problem('method_not_allowed', detail, { headers: { Allow: allowed } });
  });
}
