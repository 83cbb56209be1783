/** A line of the input, without its end. Numbers count from 1, empty lines included. */
export type InputLine =
  | { readonly kind: 'line'; readonly number: number; readonly text: string }
  | { readonly kind: 'too-long'; readonly number: number; readonly bytes: number }
  | { readonly kind: 'not-utf8'; readonly number: number }

const NEWLINE = 0x0a

/** Splits at line feeds and leaves out empty lines. Holds one line of at most `maxLineBytes`, however long it is. */
export async function* readLines(
  source: AsyncIterable<Uint8Array | string>,
  maxLineBytes: number,
): AsyncGenerator<InputLine> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let number = 0
  let held: Buffer[] = []
  let heldBytes = 0
  const end = (): InputLine | null => {
    number++
    const bytes = heldBytes
    const whole = held.length === 1 ? held[0] : Buffer.concat(held)
    held = []
    heldBytes = 0
    if (bytes > maxLineBytes) return { kind: 'too-long', number, bytes }
    try {
      const text = decoder.decode(whole)
      return text.trim() === '' ? null : { kind: 'line', number, text }
    } catch {
      return { kind: 'not-utf8', number }
    }
  }
  const hold = (piece: Buffer) => {
    heldBytes += piece.length
    if (heldBytes <= maxLineBytes) held.push(piece)
    else held = []
  }
  for await (const chunk of source) {
    const bytes = Buffer.from(chunk)
    let from = 0
    for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, from)) {
      hold(bytes.subarray(from, at))
      from = at + 1
      const line = end()
      if (line !== null) yield line
    }
    if (from < bytes.length) hold(bytes.subarray(from))
  }
  const last = heldBytes > 0 ? end() : null
  if (last !== null) yield last
}
