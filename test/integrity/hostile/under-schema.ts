import { randomUUID } from 'node:crypto'
import { quarantinedBy, shown } from './expectations.ts'
import type { Attack } from './hostile-case.ts'
import { eventUnder, ownEvent, register, registerAgainstTheRule, wireHead } from './registry-user.ts'

/** Registers the schema and sends an event under it, which must show. Gives the event's id. */
export async function deliveredUnder(
  attack: Attack,
  schema: unknown,
  over: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const id = await register(attack, schema)
  const event = randomUUID()
  await attack.sendValues([eventUnder(schema, id, { ...ownEvent(event), ...over })])
  await shown(attack, [event])
  return event
}

/** Registers the schema whatever the rule says, and sends a value under it, which must go to quarantine by itself. */
export async function refusedUnder(attack: Attack, schema: unknown): Promise<void> {
  const id = await registerAgainstTheRule(attack, schema)
  const neighbour = randomUUID()
  await quarantinedBy(attack, 'WRONG_SCHEMA', 1, () =>
    attack.sendValues([
      Buffer.concat([wireHead(id), Buffer.alloc(40, 0x02)]),
      attack.validEvent({ event_id: neighbour }),
    ]),
  )
  await shown(attack, [neighbour])
}
