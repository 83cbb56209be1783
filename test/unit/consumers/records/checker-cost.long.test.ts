import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

it('a bad record costs little more to check than a good one of the same bytes', () => {
  const script = fileURLToPath(new URL('../../../support/checker-cost.ts', import.meta.url))
  const costs: Record<string, number> = JSON.parse(
    execFileSync(process.execPath, [script], { encoding: 'utf8' }),
  )
  const good = costs['good'] ?? 0
  for (const [kind, us] of Object.entries(costs))
    console.log(`${kind}: ${us.toFixed(2)} µs a record, ${(us / good).toFixed(1)} × a good one`)
  // A good record goes on to be hashed and stored, which costs about ten times as much.
  expect(Math.max(...Object.values(costs)) / good).toBeLessThan(8)
})
