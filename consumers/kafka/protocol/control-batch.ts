import { Cursor } from './record-reader.ts'

/** What a control batch does: end an aborted transaction, or nothing that concerns a reader. */
export type ControlMarker = { readonly isAbort: boolean } | { readonly fault: string }

/** The key of a control record is version and type, two bytes each; type 0 is ABORT. */
const KEY_BYTES = 4

/** The marker of a control batch with records, which have been checked; the first begins at `at`. */
export function controlMarker(body: Buffer, at: number): ControlMarker {
  const cursor = new Cursor(body, at)
  cursor.varint()
  cursor.at += 1
  cursor.skipVarlong(0)
  cursor.varint()
  const keyEnd = cursor.skipBytes()
  if (keyEnd - cursor.start < KEY_BYTES) return { fault: 'a control record has no type' }
  if (body.readInt16BE(cursor.start) < 0) return { fault: 'a control record has a negative version' }
  return { isAbort: body.readInt16BE(cursor.start + 2) === 0 }
}
