import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteGate } from '../../../../consumers/cold/byte-gate.ts'

test('work that runs at the same time stays below the cap, in the order in which it came', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ bytes: fc.integer({ min: 0, max: 15 }), fails: fc.boolean() }), { maxLength: 30 }),
      fc.scheduler(),
      async (works, scheduler) => {
        const gate = new ByteGate(10)
        const inside = new Set<number>()
        const order: number[] = []
        const runs = works.map(({ bytes, fails }, i) =>
          gate.run(bytes, async () => {
            order.push(i)
            inside.add(i)
            const sum = [...inside].reduce((all, at) => all + (works[at]?.bytes ?? 0), 0)
            expect(sum <= 10 || inside.size === 1).toBe(true)
            await scheduler.schedule(Promise.resolve(), `work ${i}`)
            inside.delete(i)
            if (fails) throw new Error(`work ${i}`)
            return i
          }),
        )
        const settled = Promise.allSettled(runs)
        await scheduler.waitFor(settled)
        expect(order).toEqual(works.map((_, i) => i))
        expect((await settled).map((run) => run.status)).toEqual(
          works.map(({ fails }) => (fails ? 'rejected' : 'fulfilled')),
        )
      },
    ),
    { numRuns: 200 },
  )
})
