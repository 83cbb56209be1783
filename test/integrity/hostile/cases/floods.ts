import { registerSchema } from '../../../../operations/registry-admin.ts'
import type { Attack, HostileCase } from '../hostile-case.ts'
import { allShow, batchOf, events, goesOn, isSetAside, mustBe } from '../seen.ts'

/** Ids that no registry has given yet; each case takes others, so that none is known from a case before. */
const UNKNOWN_FROM = 1_000_000_000
const REGISTRY_TIMEOUT_MS = 10_000

function under(schemaId: number, value: Buffer): Buffer {
  const changed = Buffer.from(value)
  changed.writeUInt32BE(schemaId >>> 0, 1)
  return changed
}

const unknownIds = (from: number, count: number, value: Buffer): Buffer[] =>
  Array.from({ length: count }, (_, at) => under(UNKNOWN_FROM + from + at, value))

/** Registers a schema under a subject that is none of ours, and gives its id. */
function registerElsewhere({ world, ground }: Attack, name: string, schema: string): Promise<number> {
  const subject = `${ground.prefix}${name}-value`
  return registerSchema({
    ...world.stack.endpoints.registry,
    timeoutMs: REGISTRY_TIMEOUT_MS,
    subject,
    schema,
  })
}

/** Values that name schemas which are not ours. */
export const FLOOD_CASES: readonly HostileCase[] = [
  {
    name: '60,000 unknown schema ids in one batch',
    cells: ['producer/schema ids/stop', 'producer/schema ids/delay'],
    inTest: true,
    run: async (attack) => {
      const values = unknownIds(0, 60_000, attack.validEvent().subarray(0, 6))
      const send = () => attack.sendBatch(batchOf(values))
      await isSetAside(attack, 'UNKNOWN_SCHEMA', values.length, send, 30_000)
      await goesOn(attack)
    },
  },
  {
    name: 'new unknown schema ids in every batch, for 10 s',
    cells: ['producer/schema ids/delay', 'producer/schema ids/stop'],
    inTest: false,
    run: async (attack) => {
      const value = attack.validEvent()
      const batches = 50
      const each = 400
      const send = async () => {
        for (let at = 0; at < batches; at++) {
          await attack.sendBatch(batchOf(unknownIds(100_000 + at * each, each, value)))
          await new Promise((resolve) => setTimeout(resolve, 200))
        }
      }
      await isSetAside(attack, 'UNKNOWN_SCHEMA', batches * each, send, 30_000)
      await goesOn(attack)
    },
  },
  {
    name: 'valid events among 2,000 unknown schema ids',
    cells: ['producer/schema ids/hide'],
    inTest: true,
    run: async (attack) => {
      const sent = events(attack, 200)
      const unknown = unknownIds(200_000, 2_000, attack.validEvent())
      const values = sent.flatMap(({ value }, at) => [...unknown.slice(at * 10, at * 10 + 10), value])
      await isSetAside(attack, 'UNKNOWN_SCHEMA', unknown.length, () => attack.sendBatch(batchOf(values)))
      await allShow(
        attack,
        sent.map(({ id }) => id),
      )
      await goesOn(attack)
    },
  },
  {
    name: 'schema ids at the ends of their range',
    cells: ['producer/schema ids/stop'],
    inTest: false,
    run: async (attack) => {
      const ids = [0, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]
      const batch = batchOf(ids.map((id) => under(id, attack.validEvent())))
      await isSetAside(attack, 'UNKNOWN_SCHEMA', ids.length, () => attack.sendBatch(batch))
      await goesOn(attack)
    },
  },
  {
    name: 'values of half a megabyte under unknown schema ids, in batches of 3 kB',
    cells: ['producer/schema ids/grow', 'producer/schema ids/delay'],
    inTest: false,
    run: async (attack) => {
      const value = Buffer.concat([attack.validEvent(), Buffer.alloc(500_000)])
      const batches = [0, 1, 2, 3].map((at) => batchOf(unknownIds(300_000 + at * 50, 50, value), 4))
      const send = async () => {
        for (const batch of batches) await attack.sendBatch(batch)
      }
      await isSetAside(attack, 'UNKNOWN_SCHEMA', 200, send)
      await goesOn(attack)
    },
  },
  {
    name: 'look-alikes of the event schema under a subject of others, with two fields exchanged',
    cells: ['producer/schema ids/falsify', 'producer/schema ids/hide'],
    inTest: true,
    run: async (attack) => {
      const { schemaText } = attack
      const swapped = schemaText
        .replace('"tenant_id"', '"?"')
        .replace('"action"', '"tenant_id"')
        .replace('"?"', '"action"')
      const same = schemaText.replace('One audit event', 'An audit event')
      const foreign = JSON.stringify({ type: 'record', name: 'Payment', fields: [] })
      const ids = [
        await registerElsewhere(attack, 'swapped', swapped),
        await registerElsewhere(attack, 'same', same),
        await registerElsewhere(attack, 'payments', foreign),
      ]
      mustBe('the number of new ids', new Set([...ids, attack.schemaId]).size, 4)
      const sent = events(attack, ids.length)
      const batch = batchOf(sent.map(({ value }, at) => under(ids[at] ?? 0, value)))
      await isSetAside(attack, 'UNKNOWN_SCHEMA', ids.length, () => attack.sendBatch(batch))
      await goesOn(attack)
      const list = sent.map(({ id }) => `'${id}'`).join(',')
      const rows = await attack.sql(`SELECT event_id FROM daybook.events WHERE event_id IN (${list})`)
      mustBe('what the hot store holds of them', rows, [])
    },
  },
]
