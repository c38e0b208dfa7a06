// Who may import whom. Run by tools/check-imports, which also proves each rule on tools/check-imports/fixture and fails when a
// pattern below matches nothing, so that a moved folder or a renamed package cannot switch a rule off.

/** Tests may reach anywhere: they drive a part through its neighbours. */
const TEST = '\\.test\\.ts$';
/** A package from the registry, by the folder it is installed in. */
const npm = (...names) => `(^|/)node_modules/(${names.join('|')})/`;
const STORE = '[/-]store\\.ts$';

// What the API and packages/messaging may import is a constraint of docs/adr/0001, which tools/drift-check guards.

/** @type {import('dependency-cruiser').IForbiddenRuleType[]} */
const forbidden = [
  {
    name: 'domain-imports-nothing',
    comment: 'the domain is pure: pass what it needs as an argument',
    from: { path: '^packages/domain/src/', pathNot: TEST },
    to: { pathNot: '^packages/domain/src/' },
  },
  {
    name: 'kafkajs-only-in-wire',
    comment:
      'packages/messaging/src/wire is the only door to kafkajs: add a request there; docs/kafkajs.md lists what is used',
    from: { path: '^(apps|examples|packages)/[^/]+/src/', pathNot: ['^packages/messaging/src/wire/', TEST] },
    to: { path: npm('kafkajs') },
  },
  {
    name: 'express-only-in-http',
    comment: 'HTTP ends in apps/api/src/http: pass plain values on',
    from: { path: '^(apps|examples|packages)/[^/]+/src/', pathNot: ['^apps/api/src/http/', TEST] },
    to: { path: npm('express', '@types/express') },
  },
  {
    name: 'grpc-only-in-grpc',
    comment: 'gRPC ends in apps/stream-gateway/src/grpc (server) and packages/order-stream (client)',
    from: {
      path: '^(apps|examples|packages)/[^/]+/src/',
      pathNot: ['^apps/stream-gateway/src/grpc/', '^packages/order-stream/src/', TEST],
    },
    to: { path: npm('nice-grpc[^/]*', '@grpc/[^/]+') },
  },
  {
    name: 'edge-never-touches-a-store',
    comment: 'http/ and grpc/ call a service or a watcher, never a store or a query',
    from: { path: '^apps/[^/]+/src/(http|grpc)/', pathNot: TEST },
    to: { path: [STORE, npm('kysely', 'pg')] },
  },
  {
    name: 'access-knows-only-tokens',
    comment:
      'packages/access decides who somebody is: it knows no table and no protocol, which are passed to it, and of orders only what an id can be',
    from: { path: '^packages/access/src/', pathNot: TEST },
    to: {
      pathNot: [
        '^packages/(access|runtime)/src/',
        '^packages/domain/src/external-id[.]ts$',
        '^node:',
        npm('jose', 'rate-limiter-flexible', 'zod'),
      ],
      dependencyTypesNot: ['core'],
    },
  },
  {
    name: 'tokens-only-in-access',
    comment: 'packages/access is the only place that reads a token: ask its `verify`',
    from: { path: '^(apps|examples|packages)/[^/]+/src/', pathNot: ['^packages/access/src/', TEST] },
    to: { path: npm('jose', 'rate-limiter-flexible') },
  },
  {
    name: 'opentelemetry-only-in-tracing',
    comment:
      'spans go through the port `Tracing` of packages/runtime, which loads the SDK where an endpoint is set',
    from: { path: '^(apps|examples|packages)/[^/]+/src/', pathNot: ['^packages/runtime/src/tracing/', TEST] },
    to: { path: npm('@opentelemetry/[^/]+') },
  },
  {
    name: 'outbox-never-sees-kafka',
    comment:
      'the tables know nothing of where events go; only packages/outbox/src/repair compares them with the topic',
    from: { path: '^packages/outbox/src/', pathNot: ['^packages/outbox/src/repair/', TEST] },
    to: { path: ['^packages/messaging/', npm('kafkajs')] },
  },
  {
    name: 'repairs-are-the-operators',
    comment: 'packages/outbox/src/repair changes tables while nobody publishes: outboxctl alone calls it',
    from: { path: '^(apps|packages)/', pathNot: ['^apps/outboxctl/', '^packages/outbox/src/repair/', TEST] },
    to: { path: '^packages/outbox/src/repair/' },
  },
  {
    name: 'query-builder-only-in-the-api',
    comment: 'the tables of the relays are asked with statements as text and typed rows',
    from: { path: '^(apps|packages)/[^/]+/src/', pathNot: ['^apps/api/', '^packages/database/', TEST] },
    to: { path: npm('kysely') },
  },
  {
    name: 'publish-never-sees-sql',
    comment:
      'publishing knows nothing of where events come from: of packages/outbox it imports the words alone, by their own doors',
    from: { path: '^apps/relay/src/publish/', pathNot: TEST },
    to: {
      path: [
        '^packages/outbox/src/(?!(checkpoint|cursor|pending-event)\\.ts$)',
        STORE,
        '^packages/database/',
        npm('kysely', 'pg'),
      ],
    },
  },
  {
    name: 'packages-never-import-apps',
    comment: 'packages are below the apps',
    from: { path: '^packages/' },
    to: { path: '^apps/' },
  },
  {
    name: 'apps-never-import-each-other',
    comment: 'apps meet only through the table and the topic',
    from: { path: '^apps/([^/]+)/' },
    to: { path: '^apps/', pathNot: '^apps/$1/' },
  },
  {
    name: 'examples-are-clients',
    comment: 'an example does what any team could do: order-stream, and what every process needs',
    from: { path: '^examples/[^/]+/src/', pathNot: TEST },
    to: { path: '^(apps|packages)/', pathNot: '^packages/(order-stream|runtime)/' },
  },
  {
    name: 'examples-are-not-built-upon',
    comment: 'move what is worth sharing into a package',
    from: { path: '^(apps|packages|examples)/([^/]+)/' },
    to: { path: '^examples/', pathNot: '^$1/$2/' },
  },
  {
    name: 'product-never-imports-tooling',
    comment: 'test/ and tools/ are not shipped',
    from: { path: '^(apps|examples|packages)/[^/]+/src/', pathNot: TEST },
    to: { path: ['^(test|tools)/', '^(apps|examples|packages)/[^/]+/testing/', TEST] },
  },
  {
    name: 'only-declared-dependencies',
    comment: 'name the package under `dependencies` in the nearest package.json: images install nothing else',
    from: { path: '^(apps|examples|packages)/[^/]+/src/', pathNot: TEST },
    to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'], pathNot: npm('@types/[^/]+') },
  },
  {
    name: 'no-create-require',
    comment: 'write `import`: what createRequire loads is seen by no check',
    from: { path: '^(apps|examples|packages)/[^/]+/src/', pathNot: TEST },
    to: { path: '^(node:)?module$', dependencyTypes: ['core'] },
  },
  {
    name: 'no-cycles',
    comment: 'move what both need into a third file',
    from: {},
    to: { circular: true },
  },
  {
    name: 'no-unresolvable',
    comment: 'an import that cannot be followed hides whatever lies behind it',
    from: {},
    to: { couldNotResolve: true },
  },
];

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: forbidden.map((rule) => ({ severity: 'error', ...rule })),
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^tools/(check-imports/fixture|drift-check/fixtures)/' },
    // Type-only imports count too: they tie two parts together just as well.
    tsPreCompilationDeps: true,
    // Without these two, imports between workspace packages, whose `exports` name .ts files, are not followed.
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      mainFields: ['main', 'types'],
    },
  },
};
