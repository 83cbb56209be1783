import avsc from 'avsc'
import type { ArchiveHeader } from '../schemas/archive/header.ts'
import { compileSkipper, type Skipper } from '../schemas/skip.ts'

/** An event as plain data: nested records as in the schema, times in milliseconds. */
export type DecodedEvent = Readonly<Record<string, unknown>>

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
  decode(header: ArchiveHeader, payload: Buffer, trusted: boolean): DecodedEvent {
    const { type, skipper } = this.#schemaOf(header)
    if (!trusted && skipper.check(payload, 0, payload.length) !== 0)
      throw new RangeError('not a record of the schema')
    const event: unknown = type.fromBuffer(payload)
    if (typeof event !== 'object' || event === null) throw new RangeError('not a record')
    return { ...event }
  }

  #schemaOf(header: ArchiveHeader): CompiledSchema {
    const text = header.schema?.text
    if (text === undefined) throw new RangeError(`${header.key} holds no event`)
    const known = this.#compiled.get(text)
    if (known !== undefined) return known
    const schema = JSON.parse(text)
    const compiled = {
      type: avsc.Type.forSchema(schema, { wrapUnions: false }),
      skipper: compileSkipper(schema),
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
