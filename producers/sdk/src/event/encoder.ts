import { ByteWriter } from '../../../../schemas/bytes.ts'
import { encodeAuditEvent } from '../../../../schemas/generated/encode-audit-event.ts'
import { eventKey } from '../../../../schemas/key.ts'
import { HEADER_BYTES } from '../../../../schemas/wire.ts'
import type { AuditContext } from '../context.ts'
import { degrade } from './degrade.ts'
import type { EventRecord } from './event-record.ts'
import type { Findings } from './findings.ts'
import { inputOf, readEvent, type Stamp } from './read-event.ts'

/** An event as it goes to the spool: `value` is the wire-format frame with an empty header, filled in at send. */
export interface Captured {
  readonly key: Buffer
  /** A view that the next capture overwrites. */
  readonly value: Buffer
}

/** Encodes events, once each. */
export class Encoder {
  readonly #writer = new ByteWriter(16 * 1024)
  readonly #maxEventBytes: number

  constructor(options: { maxEventBytes: number }) {
    this.#maxEventBytes = options.maxEventBytes
  }

  /** @throws DaybookError only when `f` throws. */
  capture(
    action: unknown,
    input: unknown,
    context: AuditContext | undefined,
    stamp: Stamp,
    f: Findings,
  ): Captured {
    return this.encode(readEvent(action, inputOf(input, f), context, stamp, f), f)
  }

  encode(event: EventRecord, f: Findings): Captured {
    const value = this.#frame(event)
    const { tenant_id: tenantId, target } = event
    const key = eventKey({ tenantId, targetType: target.type, targetId: target.id })
    if (value.length <= this.#maxEventBytes) return { key, value }
    f.oversized(value.length, this.#maxEventBytes)
    return { key, value: this.#frame(degrade(event, value.subarray(HEADER_BYTES))) }
  }

  #frame(event: EventRecord): Buffer {
    this.#writer.reset()
    for (let i = 0; i < HEADER_BYTES; i++) this.#writer.writeByte(0)
    encodeAuditEvent(this.#writer, event)
    return this.#writer.take()
  }
}
