import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RangeAccount } from '../../../../../consumers/engine/observer.ts'
import { rangeBeyond } from '../../../../../consumers/engine/range.ts'
import { badValue, goodValue } from '../../../../support/fakes/fake-checker.ts'
import { EngineBench } from '../bench.ts'

const cut = { maxRows: 7, maxBytes: 1_000, maxAgeMs: 100 }
const offsetKind = fc.constantFrom('good', 'bad', 'tombstone', 'control', 'aborted')

function fill(bench: EngineBench, kinds: readonly string[]): void {
  for (const kind of kinds) {
    if (kind === 'control' || kind === 'aborted') bench.log().appendGap(kind)
    else bench.log().append(kind === 'tombstone' ? null : (kind === 'bad' ? badValue : goodValue)(1), 1_000)
  }
}

test('offsets = delivered + quarantined + gaps, over any log, cut anywhere', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(offsetKind, { minLength: 1, maxLength: 60 }), async (kinds) => {
      const accounts: RangeAccount[] = []
      const bench = new EngineBench({
        cut,
        observer: { accounted: (_, account) => void accounts.push(account) },
      })
      fill(bench, [...kinds, 'good'])
      await bench.assign()
      await bench.fetch()
      await bench.pass(1_000)
      const sum = (of: (account: RangeAccount) => bigint) => accounts.map(of).reduce((a, b) => a + b, 0n)
      expect(sum((account) => account.offsets)).toBe(BigInt(kinds.length + 1))
      expect(sum((account) => BigInt(account.quarantined))).toBe(
        BigInt(kinds.filter((k) => k === 'bad').length),
      )
      const gaps = kinds.filter((kind) => kind === 'control' || kind === 'aborted').length
      expect(sum((account) => account.gaps)).toBe(BigInt(gaps))
      expect(bench.committed()).toBe(BigInt(kinds.length + 1))
    }),
    { numRuns: 50 },
  )
})

test('what is left of a range beyond any offset covers the rest of it exactly', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(offsetKind, { minLength: 1, maxLength: 30 }), fc.nat(), async (kinds, at) => {
      const bench = new EngineBench({ cut: { ...cut, maxRows: 100, maxBytes: 1_000_000 } })
      fill(bench, [...kinds, 'good'])
      await bench.assign()
      await bench.fetch()
      await bench.pass(1_000)
      const [range] = bench.store.ranges(bench.log().partition)
      if (range === undefined) throw new RangeError('no range')
      const held = BigInt(at % kinds.length)
      const rest = rangeBeyond(range, held)
      const covered = rest.gaps.reduce(
        (sum, gap) => sum + gap.last - gap.first + 1n,
        BigInt(rest.records.length),
      )
      expect(rest.first).toBe(held + 1n)
      expect(covered).toBe(rest.last - rest.first + 1n)
    }),
    { numRuns: 50 },
  )
})
