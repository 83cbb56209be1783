import type { Failpoints } from '../../../runtime/failpoints.ts'

/**
 * The pieces of a body, stopped where tests ask for it: `send.before` with nothing sent, `send.after` behind half of
 * `bytes`, `effect.before` with all but the last byte sent.
 */
export async function* withFailpoints(
  pieces: Iterable<Buffer>,
  bytes: number,
  failpoints: Failpoints,
): AsyncGenerator<Buffer, void, void> {
  const begin = failpoints.hit('send.before')
  if (begin !== undefined) await begin
  let sent = 0
  let held: Buffer | null = null
  let halfDone = false
  for (const piece of pieces) {
    if (held !== null) yield held
    held = piece
    if (halfDone || sent + piece.length < bytes / 2) {
      sent += piece.length
      continue
    }
    halfDone = true
    const half = failpoints.hit('send.after')
    if (half === undefined) continue
    const cut = piece.length >> 1
    yield piece.subarray(0, cut)
    held = piece.subarray(cut)
    await half
  }
  if (held === null) return
  const end = failpoints.hit('effect.before')
  if (end === undefined) {
    yield held
    return
  }
  yield held.subarray(0, held.length - 1)
  await end
  yield held.subarray(held.length - 1)
}
