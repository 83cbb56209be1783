import { randomUUID } from 'node:crypto'
import type { Attack, HostileCase } from '../hostile-case.ts'
import { allShow, batchOf, bothPass, events, goesOn, mustBe } from '../seen.ts'

/** Just below the number of records up to which a batch is taken apart. */
const IN_A_BATCH = 90_000
const BATCHES = 4
const PATIENCE_MS = 240_000
const COPIED_EVENTS = 200
const COPIES_IN_A_BATCH = 5_000
const COPIES = 1_000_000

async function rowsOf(
  attack: Attack,
  id: string,
): Promise<{ readonly stored: number; readonly shown: number }> {
  const count = async (table: string) => {
    const [row] = await attack.sql<{ n: string }>(
      `SELECT count() AS n FROM daybook.${table} WHERE toUInt128(event_id) = toUInt128(toUUID('${id}'))`,
    )
    return Number(row?.n)
  }
  return { stored: await count('events'), shown: await count('audit') }
}

/** What the ids that a producer chooses can do: look-ups of earlier copies go by them. */
export const ID_CASES: readonly HostileCase[] = [
  {
    name: 'ids: one event 90,000 times a batch, four times',
    cells: ['producer/records/delay', 'producer/records/grow', 'producer/records/falsify'],
    inTest: false,
    run: async (attack) => {
      const id = randomUUID()
      const event = attack.validEvent({ event_id: id })
      const batch = batchOf(new Array<Buffer>(IN_A_BATCH).fill(event), 4)
      let last = 0n
      for (let sent = 0; sent < BATCHES; sent++) last = await attack.sendBatch(batch)
      await bothPass(attack, last + BigInt(IN_A_BATCH) - 1n, PATIENCE_MS)
      await allShow(attack, [id])
      mustBe('the rows of the event', await rowsOf(attack, id), { stored: BATCHES * IN_A_BATCH, shown: 1 })
      await goesOn(attack)
    },
  },
  {
    name: 'ids: 90,000 contents under one id a batch, four times',
    cells: ['producer/records/delay', 'producer/records/hide'],
    inTest: false,
    run: async (attack) => {
      const id = randomUUID()
      let last = 0n
      for (let sent = 0; sent < BATCHES; sent++) {
        const values = Array.from({ length: IN_A_BATCH }, (_, at) =>
          attack.validEvent({ event_id: id, reason: `${sent} ${at}` }),
        )
        last = await attack.sendBatch(batchOf(values, 4))
      }
      await bothPass(attack, last + BigInt(IN_A_BATCH) - 1n, PATIENCE_MS)
      const all = BATCHES * IN_A_BATCH
      mustBe('the rows under the id', await rowsOf(attack, id), { stored: all, shown: all })
      await goesOn(attack)
    },
  },
  {
    name: 'ids: two hundred events sent again and again, a million records in two partitions',
    cells: ['producer/records/delay', 'producer/records/grow'],
    // What a shared arena holds is read to the end, and kept in memory, when its cases are over.
    isolated: true,
    inTest: false,
    mayStop: [0, 1],
    run: async (attack) => {
      const copied = events(attack, COPIED_EVENTS)
      const values = Array.from(
        { length: COPIES_IN_A_BATCH },
        (_, at) => copied[at % COPIED_EVENTS]?.value ?? null,
      )
      const batch = batchOf(values, 4)
      const lasts = [0n, 0n]
      for (let sent = 0; sent < COPIES / COPIES_IN_A_BATCH; sent++)
        lasts[sent % 2] = await attack.sendBatch(batch, sent % 2)
      for (const [partition, last] of lasts.entries())
        await bothPass(attack, last + BigInt(COPIES_IN_A_BATCH) - 1n, PATIENCE_MS, partition)
      await allShow(
        attack,
        copied.map(({ id }) => id),
      )
      await goesOn(attack)
    },
  },
]
