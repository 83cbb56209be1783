import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { largeEvents, smallEvents, usualEventObjects, usualEvents } from '../../../bench/events/generate.ts'
import { samples } from '../../../bench/events/samples.ts'
import { readContainerBlocks, readContainerHeader } from '../../../schemas/container.ts'
import { AUDIT_EVENT_SCHEMA } from '../../../schemas/generated/audit-event.ts'
import { compileSkipper } from '../../../schemas/skip.ts'

describe('generated events', () => {
  it.each([
    ['small', smallEvents, 223, 1000],
    ['usual', usualEvents, 400, 1000],
    ['large', largeEvents, 65_536, 10],
  ] as const)('%s ones are valid and of their size', (_name, events, meanBytes, count) => {
    const skipper = compileSkipper(AUDIT_EVENT_SCHEMA)
    let bytes = 0
    for (const payload of events({ seed: 4, count })) {
      expect(skipper.check(payload, 0, payload.length)).toBe(0)
      bytes += payload.length
    }
    expect(Math.abs(bytes / count - meanBytes)).toBeLessThan(meanBytes * 0.03)
  })

  it('have ids of their own in rising time, and sequences without gaps', () => {
    const events = [...usualEventObjects({ seed: 4, count: 5000 })]
    expect(new Set(events.map((event) => event.event_id)).size).toBe(5000)
    expect(
      events.every((e, i) => i === 0 || Number(e.occurred_at) >= Number(events[i - 1]?.occurred_at)),
    ).toBe(true)
    const last = new Map<string, number>()
    for (const { producer_id: producer, sequence } of events) {
      expect(sequence).toBe((last.get(producer) ?? 0) + 1)
      last.set(producer, Number(sequence))
    }
  })

  it.each(Object.entries(samples()))('are those of the committed sample %s', (name, payloads) => {
    const file = readFileSync(new URL(`../../../bench/events/${name}`, import.meta.url))
    const blocks = [...readContainerBlocks(file, readContainerHeader(file))]
    expect(Buffer.concat(blocks.map((block) => block.data)).equals(Buffer.concat(payloads))).toBe(true)
  })
})
