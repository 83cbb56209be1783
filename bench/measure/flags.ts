import { parseArgs } from 'node:util'
import { largeEvents, smallEvents, usualEvents } from '../events/generate.ts'

export interface BenchFlags {
  readonly json: boolean
  readonly events: number
  readonly rounds: number
  readonly fixture: keyof typeof FIXTURES
  /** Empty: all. */
  readonly only: readonly string[]
}

export const FIXTURES = { small: smallEvents, usual: usualEvents, large: largeEvents } as const

/** Events of about these sizes; a run holds 2 GB of payload at most. */
const PAYLOAD_BYTES = { small: 223, usual: 409, large: 64 * 1024 } as const
const MAX_PAYLOAD_BYTES = 2_000_000_000

/** `--json --events N --rounds N --fixture small|usual|large --only a,b`. */
export function readFlags(
  args: readonly string[],
  defaults: Pick<BenchFlags, 'events' | 'rounds'>,
): BenchFlags {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'boolean', default: false },
      events: { type: 'string', default: String(defaults.events) },
      rounds: { type: 'string', default: String(defaults.rounds) },
      fixture: { type: 'string', default: 'usual' },
      only: { type: 'string', default: '' },
    },
  })
  const fixture = fixtureOf(values.fixture)
  const most = Math.floor(MAX_PAYLOAD_BYTES / PAYLOAD_BYTES[fixture])
  return {
    json: values.json,
    events: Math.min(positive('events', values.events), most),
    rounds: positive('rounds', values.rounds),
    fixture,
    only: values.only.split(',').filter((name) => name !== ''),
  }
}

function fixtureOf(name: string): keyof typeof FIXTURES {
  if (name === 'small' || name === 'usual' || name === 'large') return name
  throw new TypeError('--fixture is small, usual or large')
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new TypeError(`--${name} is a whole number from 1`)
  return value
}
