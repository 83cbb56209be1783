/** A decompressor would exceed the bytes it may put out. */
export class OutputTooLarge extends Error {
  override readonly name = 'OutputTooLarge'
}

/** What node:zlib throws when `maxOutputLength` is exceeded, or one of ours. */
export function isTooLarge(error: unknown): boolean {
  if (error instanceof OutputTooLarge) return true
  return error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
}
