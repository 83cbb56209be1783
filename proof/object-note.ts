/**
 * The text of the `daybook-object/v1` note (docs/formats/notes.md): it fixes every entry of an archive object's
 * header but the two notes themselves, one line each, by length and SHA-256.
 */
import { type Sha256Into, sha256 } from './crypto.ts'
import { toBase64 } from './encoding.ts'

const OBJECT_NOTE_TITLE = 'daybook-object/v1'

export function objectNoteText(
  origin: string,
  entries: ReadonlyMap<string, Uint8Array>,
  hash: Sha256Into,
): string {
  const names = [...entries.keys()].sort()
  const lines = names.map((name) => {
    if (!/^[\x21-\x7e]+$/.test(name)) throw new TypeError('A header entry has a name that is not plain ASCII')
    const value = entries.get(name) ?? new Uint8Array(0)
    return `${name} ${value.length} ${toBase64(sha256(hash, value))}\n`
  })
  return `${OBJECT_NOTE_TITLE}\n${origin}\n${lines.join('')}`
}
