import { WORKERS } from '../../faults/plan.ts'
import type { Attack, HostileCase } from '../hostile-case.ts'
import { allShow, events, goesOn } from '../seen.ts'

/** What a producer can do with transactions: readers wait for the end of one that is open. */
export const TRANSACTION_CASES: readonly HostileCase[] = [
  {
    name: '300 aborted transactions, one event each, with a committed one behind them',
    cells: ['producer/record batches/delay', 'producer/record batches/hide'],
    inTest: false,
    run: async (attack) => {
      const producer = transactional(attack, 60_000)
      await producer.connect()
      const { topic, partition } = attack.target
      for (let done = 0; done < 300; done++) {
        const transaction = await producer.transaction()
        await transaction.send({ topic, messages: [{ partition, value: attack.validEvent() }] })
        await transaction.abort()
      }
      const [last] = events(attack, 1)
      const transaction = await producer.transaction()
      await transaction.send({ topic, messages: [{ partition, value: last?.value ?? null }] })
      await transaction.commit()
      await producer.disconnect()
      attack.received(300 * 300)
      await allShow(attack, [last?.id ?? ''])
      await goesOn(attack)
    },
  },
  {
    name: '40 producers at once with 30 aborted transactions each, 200 bad records in every one',
    cells: ['producer/record batches/delay', 'producer/record batches/grow'],
    inTest: false,
    run: async (attack) => {
      const { topic, partition } = attack.target
      const messages = Array.from({ length: 200 }, () => ({ partition, value: 'no event' }))
      const abortMany = async (_: unknown, at: number) => {
        const producer = transactional(attack, 60_000, `-${at}`)
        await producer.connect()
        for (let done = 0; done < 30; done++) {
          const transaction = await producer.transaction()
          await transaction.send({ topic, messages })
          await transaction.abort()
        }
        await producer.disconnect()
      }
      await Promise.all(Array.from({ length: 40 }, abortMany))
      attack.received(40 * 30 * 200 * 16)
      await goesOn(attack)
    },
  },
  {
    name: 'a transaction that is opened and never ended, as long as the broker lets it be: named, and no reason to restart',
    cells: ['producer/record batches/delay', 'producer/record batches/hide'],
    inTest: false,
    run: async (attack) => {
      const producer = transactional(attack, 60_000)
      await producer.connect()
      const { topic, partition } = attack.target
      const transaction = await producer.transaction()
      try {
        await transaction.send({ topic, messages: [{ partition, value: attack.validEvent() }] })
        await goesOn(attack, 90_000)
        for (const kind of WORKERS) {
          const { status, text } = await attack.healthz(kind)
          if (status !== 200) throw new Error(`the ${kind} worker asked for a restart: ${text}`)
        }
      } finally {
        await transaction.abort().catch(() => undefined)
        await producer.disconnect()
      }
    },
  },
]

function transactional({ kafka, target }: Attack, transactionTimeout: number, name = '') {
  const transactionalId = `hostile-${target.topicId}-${Date.now()}${name}`
  return kafka.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1, transactionTimeout })
}
