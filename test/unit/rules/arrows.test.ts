import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cruise, type ICruiseResult, type IFlattenedRuleSet } from 'dependency-cruiser'
import { afterEach, beforeEach, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const rules: IFlattenedRuleSet & { options: object } = createRequire(import.meta.url)(
  join(ROOT, '.dependency-cruiser.cjs'),
)

let tree: string

beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), 'daybook-arrows-'))
  symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'))
  put(
    'package.json',
    JSON.stringify({
      type: 'module',
      dependencies: { pino: '*', kafkajs: '*', '@clickhouse/client': '*' },
      devDependencies: { 'fast-check': '*' },
    }),
  )
})

afterEach(() => rmSync(tree, { recursive: true, force: true }))

function put(path: string, text: string): void {
  mkdirSync(dirname(join(tree, path)), { recursive: true })
  writeFileSync(join(tree, path), text)
}

/** The rules broken by a tree in which `from` imports `what`. */
async function broken(from: string, what: string, statement = `import { x } from`): Promise<string[]> {
  put(from, `${statement} '${what}'\nexport const y = 1\n`)
  if (what.startsWith('.')) put(join(dirname(from), what), 'export const x = 1\nexport type x = number\n')
  const { output } = await cruise([from.split('/')[0] ?? ''], {
    ...rules.options,
    baseDir: tree,
    ruleSet: rules,
    validate: true,
  })
  return (output as ICruiseResult).summary.violations.map((violation) => violation.rule.name)
}

it.each([
  ['schemas/a.ts', '../runtime/b.ts', 'arrow-schemas'],
  ['proof/a.ts', '../schemas/b.ts', 'arrow-proof'],
  ['runtime/a.ts', '../proof/b.ts', 'arrow-runtime'],
  ['producers/sdk/src/a.ts', '../../../runtime/b.ts', 'arrow-producers'],
  ['consumers/hot/a.ts', '../../producers/b.ts', 'arrow-consumers'],
  ['evidence/a.ts', '../consumers/cold/b.ts', 'arrow-evidence'],
  ['operations/a.ts', '../infra/local/b.ts', 'arrow-operations'],
  ['services/a.ts', '../consumers/cold/b.ts', 'arrow-services'],
  ['examples/orders/a.ts', '../../schemas/b.ts', 'arrow-examples'],
  ['cli/a.ts', '../test/b.ts', 'arrow-cli'],
  ['infra/local/a.ts', '../../bench/b.ts', 'arrow-infra'],
  ['runtime/kafka-wire/a.ts', '../../schemas/b.ts', 'kafka-wire-stands-alone'],
  ['consumers/hot/a.ts', '../cold/b.ts', 'hot-and-cold-apart'],
  ['consumers/cold/a.ts', '../hot/b.ts', 'hot-and-cold-apart'],
  ['consumers/engine/a.ts', '../kafka/b.ts', 'engine-knows-no-neighbour'],
  ['consumers/engine/a.ts', 'kafkajs', 'engine-knows-no-client-library'],
  ['proof/a.ts', 'pino', 'proof-stands-alone'],
  ['producers/sdk/src/a.ts', '@clickhouse/client', 'sdk-stays-light'],
  ['producers/sdk/src/spool/a.ts', '../delivery/b.ts', 'spool-knows-no-delivery'],
  ['producers/sdk/src/spool/a.ts', '../kafka/b.ts', 'spool-knows-no-delivery'],
  ['consumers/hot/a.ts', 'fast-check', 'workers-need-no-tools'],
  ['runtime/a.ts', './utils/b.ts', 'no-drawer-folders'],
  ['runtime/lib/a.ts', './b.ts', 'no-drawer-folders-either'],
  ['runtime/a.ts', 'no-such-package', 'resolvable'],
])('%s may not import %s (%s)', async (from, what, rule) => {
  expect(await broken(from, what)).toContain(rule)
})

it('sees imports of types too', async () => {
  expect(await broken('consumers/hot/a.ts', '../cold/b.ts', 'import type { x } from')).toContain(
    'hot-and-cold-apart',
  )
})

it.each([
  ['consumers/hot/a.ts', '../engine/b.ts'],
  ['consumers/cold/a.ts', '../../proof/b.ts'],
  ['consumers/kafka/a.ts', 'kafkajs'],
  ['producers/sdk/src/a.ts', '../../../schemas/b.ts'],
  ['producers/sdk/src/a.ts', '../../../runtime/kafka-wire/b.ts'],
  ['producers/sdk/src/delivery/a.ts', '../spool/b.ts'],
  ['evidence/a.ts', '../proof/b.ts'],
  ['cli/a.ts', '../evidence/b.ts'],
  ['operations/a.ts', '../consumers/cold/b.ts'],
  ['producers/sdk/src/a.ts', '../../../runtime/backoff.ts'],
])('%s may import %s', async (from, what) => {
  expect(await broken(from, what)).toEqual([])
})
