// Who may import whom. In words: docs/decisions/import-rules.md; each rule here has been seen to fire
// (test/unit/rules/arrows.test.ts breaks each one).

const PARTS = [
  'schemas',
  'proof',
  'runtime',
  'producers',
  'consumers',
  'evidence',
  'operations',
  'services',
  'cli',
  'infra',
  'examples',
  'bench',
  'test',
]

/** What each part may import besides itself. Parts that may import everything are not listed. */
const MAY_IMPORT = {
  schemas: [],
  proof: [],
  runtime: ['schemas'],
  producers: ['schemas'],
  consumers: ['schemas', 'proof', 'runtime'],
  evidence: ['schemas', 'proof', 'runtime'],
  operations: ['schemas', 'proof', 'runtime', 'consumers'],
  services: ['schemas', 'proof', 'runtime', 'evidence', 'operations', 'producers'],
  examples: ['producers'],
  cli: PARTS.filter((part) => part !== 'test' && part !== 'bench' && part !== 'examples'),
  infra: PARTS.filter((part) => part !== 'test' && part !== 'bench'),
}

/**
 * What the SDK and the workers both need: Kafka's bytes around kafkajs, and the pauses between attempts. It imports
 * nothing of ours (docs/decisions/kafka-fetch-and-decode.md).
 */
const KAFKA_WIRE = '^runtime/(kafka-wire/|backoff\\.ts)'

const arrows = Object.entries(MAY_IMPORT).map(([part, allowed]) => ({
  name: `arrow-${part}`,
  comment: `${part}/ may import ${allowed.length === 0 ? 'no other part' : allowed.map((name) => `${name}/`).join(', ')}`,
  severity: 'error',
  from: { path: `^${part}/` },
  to: {
    path: `^(${PARTS.filter((name) => name !== part && !allowed.includes(name)).join('|')})/`,
    ...(part === 'producers' ? { pathNot: KAFKA_WIRE } : {}),
  },
}))

const PACKAGE = ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown']

module.exports = {
  forbidden: [
    ...arrows,
    {
      name: 'kafka-wire-stands-alone',
      comment: 'Applications install it with the SDK',
      severity: 'error',
      from: { path: KAFKA_WIRE },
      to: { path: `^(${PARTS.join('|')})/`, pathNot: KAFKA_WIRE },
    },
    {
      name: 'hot-and-cold-apart',
      comment: 'The two paths share the engine and nothing else, so that no fault of one can reach the other',
      severity: 'error',
      from: { path: '^consumers/(hot|cold)/' },
      to: { path: '^consumers/(hot|cold)/', pathNot: '^consumers/$1/' },
    },
    {
      name: 'engine-knows-no-neighbour',
      comment: 'The engine is given its source, sinks and clock',
      severity: 'error',
      from: { path: '^consumers/engine/' },
      to: { path: '^consumers/(?!engine/)' },
    },
    {
      name: 'engine-knows-no-client-library',
      severity: 'error',
      from: { path: '^consumers/engine/' },
      to: { dependencyTypes: PACKAGE },
    },
    {
      name: 'proof-stands-alone',
      comment: 'It must be auditable by itself and run in a browser',
      severity: 'error',
      from: { path: '^proof/' },
      to: { dependencyTypes: PACKAGE },
    },
    {
      name: 'sdk-stays-light',
      comment: 'Applications install it: no store client, no logger of its own',
      severity: 'error',
      from: { path: '^producers/' },
      to: { path: 'node_modules/(@clickhouse|@aws-sdk|chdb|pino|commander)(/|$)' },
    },
    {
      name: 'spool-knows-no-delivery',
      comment: 'Delivery reads the spool; what is written to disk does not depend on how it is sent',
      severity: 'error',
      from: { path: '^producers/sdk/src/spool/' },
      to: { path: '^producers/sdk/src/(delivery|kafka)/' },
    },
    {
      name: 'workers-need-no-tools',
      comment: 'What runs in production imports no development dependency',
      severity: 'error',
      from: { path: '^(schemas|proof|runtime|consumers|evidence|operations|services|cli)/' },
      to: { dependencyTypes: ['npm-dev'], pathNot: 'node_modules/@types/' },
    },
    {
      name: 'no-drawer-folders',
      comment: 'A folder is named after what it does',
      severity: 'error',
      from: {},
      to: { path: '(^|/)(utils?|common|helpers?|lib)/', pathNot: 'node_modules/' },
    },
    {
      name: 'no-drawer-folders-either',
      severity: 'error',
      from: { path: '(^|/)(utils?|common|helpers?|lib)/', pathNot: 'node_modules/' },
      to: {},
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    exclude: { path: '^(producers|examples)/[^/]+/dist/' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
    },
  },
}
