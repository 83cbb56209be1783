import { partitionKey } from '../../../consumers/engine/contracts.ts'
import type { DelayWatch } from './delay-watch.ts'
import type { GoodEvent } from './good-traffic.ts'

const POLL_MS = 100
/** How long good events may take to arrive after an attack is over; a stopped partition is tried again within a minute. */
const ARRIVE_MS = 90_000

/** Waits until every one of the events has arrived in both stores; those that have not are lost. */
export async function arrivedOrMissing(watch: DelayWatch, events: readonly GoodEvent[]) {
  const isMissing = (store: 'hot' | 'cold') => {
    const arrived = watch.arrived(store)
    return (event: GoodEvent) => (arrived.get(partitionKey(event.partition)) ?? -1n) < event.offset
  }
  const deadline = Date.now() + ARRIVE_MS
  for (;;) {
    const missing = { hot: events.filter(isMissing('hot')), cold: events.filter(isMissing('cold')) }
    const lost = new Set([...missing.hot, ...missing.cold].map(({ id }) => id)).size
    if (lost === 0) return { lost, faults: [] }
    if (Date.now() > deadline) {
      const places = (list: readonly GoodEvent[]) =>
        [...new Set(list.map(({ partition }) => `${partition.topic}/${partition.partition}`))].join(', ')
      return { lost, faults: [`hot does not reach ${places(missing.hot)}; cold ${places(missing.cold)}`] }
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}
