import avsc from 'avsc'
import type { ArchiveHeader } from '../schemas/archive/header.ts'
import { withMapEntries } from '../schemas/map-entries.ts'
import { compileSkipper, type Skipper } from '../schemas/skip.ts'

/** An event as plain data: nested records as in the schema, times in milliseconds. */
export type DecodedEvent = Readonly<Record<string, unknown>>

const MAP = 'daybook-map'

/** A map as an object that has every key as its own, `__proto__` too: avsc's own maps lose that one. */
class MapType extends avsc.types.LogicalType {
  protected override _fromValue(entries: readonly { readonly key: string; readonly value: unknown }[]) {
    return Object.fromEntries(entries.map(({ key, value }) => [key, value]))
  }
}

interface CompiledSchema {
  readonly type: avsc.Type
  readonly skipper: Skipper
}

/** Decodes payloads of objects, with one compiled type for each schema text. */
export class EventDecoder {
  readonly #compiled = new Map<string, CompiledSchema>()

  /**
   * `trusted`: the payload is what a worker wrote, so its structure was checked. Any other is checked before it is
   * decoded: a few made-up bytes can keep a decoder busy for ever.
   * @throws RangeError where the payload is no record of the object's schema.
   */
  decode(header: Pick<ArchiveHeader, 'key' | 'schema'>, payload: Buffer, trusted: boolean): DecodedEvent {
    const { type, skipper } = this.#schemaOf(header)
    if (!trusted && skipper.check(payload, 0, payload.length) !== 0)
      throw new RangeError('not a record of the schema')
    const event: unknown = type.fromBuffer(payload)
    if (typeof event !== 'object' || event === null) throw new RangeError('not a record')
    return { ...event }
  }

  #schemaOf(header: Pick<ArchiveHeader, 'key' | 'schema'>): CompiledSchema {
    const text = header.schema?.text
    if (text === undefined) throw new RangeError(`${header.key} holds no event`)
    const known = this.#compiled.get(text)
    if (known !== undefined) return known
    const compiled = {
      type: avsc.Type.forSchema(JSON.parse(withMapEntries(text, MAP)), {
        wrapUnions: false,
        logicalTypes: { [MAP]: MapType },
      }),
      skipper: compileSkipper(JSON.parse(text)),
    }
    this.#compiled.set(text, compiled)
    return compiled
  }
}

export function textField(event: DecodedEvent, name: string): string {
  const value = event[name]
  return typeof value === 'string' ? value : ''
}

export function timeField(event: DecodedEvent, name: string): number {
  const value = event[name]
  return typeof value === 'number' ? value : 0
}
