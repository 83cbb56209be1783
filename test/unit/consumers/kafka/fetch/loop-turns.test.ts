import { setImmediate } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { LoopTurns } from '../../../../../consumers/kafka/fetch/loop-turns.ts'

/** How many turns the event loop has made when each of these has resolved. */
async function turnsUntil(waits: readonly Promise<void>[]): Promise<number[]> {
  let turns = 0
  let left = waits.length
  const seen = waits.map(async (wait) => {
    await wait
    left -= 1
    return turns
  })
  while (left > 0) {
    await setImmediate()
    turns += 1
  }
  return Promise.all(seen)
}

it('what has not kept the loop for long goes on in the same turn', async () => {
  const turns = new LoopTurns()
  expect(await turnsUntil([turns.giveWay(0, 1), turns.giveWay(1, 30_000)])).toEqual([0, 0])
})

it('what has kept the loop for long leaves dozens of turns to all others, and so does the next of its kind', async () => {
  const turns = new LoopTurns()
  const [first = 0, second = 0] = await turnsUntil([turns.giveWay(20, 1), turns.giveWay(5, 60_000)])
  expect(first).toBeGreaterThan(24)
  expect(second - first).toBeGreaterThan(24)
})
