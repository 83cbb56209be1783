/**
 * Bounds the memory of work that runs side by side: lets work in, in the order in which it came, while the bytes of all
 * that is inside stay below a cap. Work that alone exceeds the cap runs by itself.
 */
export class ByteGate {
  readonly #capBytes: number
  readonly #waiting: { readonly bytes: number; readonly enter: () => void }[] = []
  #inside = 0
  #bytes = 0

  constructor(capBytes: number) {
    this.#capBytes = capBytes
  }

  async run<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    if (this.#waiting.length > 0 || !this.#fits(bytes)) {
      await new Promise<void>((enter) => this.#waiting.push({ bytes, enter }))
    } else this.#add(bytes)
    try {
      return await work()
    } finally {
      this.#inside--
      this.#bytes -= bytes
      this.#admit()
    }
  }

  #fits(bytes: number): boolean {
    return this.#inside === 0 || this.#bytes + bytes <= this.#capBytes
  }

  #add(bytes: number): void {
    this.#inside++
    this.#bytes += bytes
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift()
      this.#add(next.bytes)
      next.enter()
    }
  }
}
