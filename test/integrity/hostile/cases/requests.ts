import { produceBody } from '../../../support/raw-produce.ts'
import { announce, type RequestOutcome, sendRaw } from '../../../support/raw-request.ts'
import type { Attack, HostileCase } from '../hostile-case.ts'
import { goesOn, mustBe } from '../seen.ts'

const MIB = 2 ** 20
/** Behind the correlation id, the count of topics, the topic's name, the count of partitions and the partition. */
const ERROR_BEHIND_NAME = 18
const MESSAGE_TOO_LARGE = 10
const CORRUPT_MESSAGE = 2

/** Produce requests of `bytes` zeros to the target, from as many connections at once. */
async function zeros(attack: Attack, connections: number, bytes: number): Promise<RequestOutcome[]> {
  const { topic, partition } = attack.target
  const [broker = ''] = attack.world.stack.endpoints.kafka.brokers
  const body = produceBody({ topic, partition, batch: Buffer.alloc(bytes) })
  const request = { broker, apiKey: 0, apiVersion: 7, body }
  const sent = await Promise.all(Array.from({ length: connections }, () => sendRaw(request)))
  attack.received(connections * bytes)
  return sent
}

/** Requests that the broker has to hold in memory, before anybody knows what they are. */
export const REQUEST_CASES: readonly HostileCase[] = [
  {
    name: 'requests: eight connections send 95 MB of zeros each, three times',
    cells: ['producer/record batches/stop', 'producer/record batches/delay'],
    inTest: true,
    run: async (attack) => {
      for (let times = 0; times < 3; times++)
        for (const { kind } of await zeros(attack, 8, 95 * MIB))
          mustBe('the end of the request', kind, 'closed')
      await goesOn(attack)
    },
  },
  {
    name: 'requests: sixty connections send 19 MB of zeros each, more than the broker has memory for',
    cells: ['producer/record batches/stop', 'producer/record batches/delay'],
    inTest: false,
    mayDelayMs: 5_000,
    run: async (attack) => {
      const at = ERROR_BEHIND_NAME + Buffer.byteLength(attack.target.topic)
      for (const outcome of await zeros(attack, 60, 19 * MIB)) {
        mustBe('the end of the request', outcome.kind, 'answered')
        if (outcome.kind !== 'answered') continue
        const error = outcome.answer.readInt16BE(at)
        if (![MESSAGE_TOO_LARGE, CORRUPT_MESSAGE].includes(error))
          mustBe('its error', error, MESSAGE_TOO_LARGE)
      }
      await goesOn(attack)
    },
  },
  {
    name: 'requests: sixty connections announce 19 MB each and send nothing for five seconds',
    cells: ['producer/record batches/stop', 'producer/record batches/delay'],
    inTest: false,
    mayDelayMs: 8_000,
    run: async (attack) => {
      const [broker = ''] = attack.world.stack.endpoints.kafka.brokers
      const idle = await Promise.all(Array.from({ length: 60 }, () => announce(broker, 19 * MIB)))
      await new Promise((resolve) => setTimeout(resolve, 5_000))
      for (const socket of idle) socket.destroy()
      await goesOn(attack)
    },
  },
]
