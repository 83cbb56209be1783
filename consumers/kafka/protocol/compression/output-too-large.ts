/** A decompressor would exceed the bytes it may put out. */
export class OutputTooLarge extends Error {
  override readonly name = 'OutputTooLarge'
}
