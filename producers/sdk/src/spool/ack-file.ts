import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { FileSystem } from './file-system.ts'

/** How far an instance's records are settled: all segments below `index`, and `offset` bytes of that one. */
export interface Watermark {
  readonly index: number
  readonly offset: number
}

export const ACK_FILE = 'ack'
const BYTES = 16
const TWO_32 = 2 ** 32

/**
 * Keeps the watermark in sixteen bytes that are overwritten in place. It is never synced: after a power cut an
 * older one is found, and records are sent again under the same event ids.
 */
export class AckFile {
  readonly #fs: FileSystem
  readonly #path: string
  readonly #bytes = Buffer.alloc(BYTES)
  #fd: number | null = null

  constructor(options: { fs: FileSystem; directory: string }) {
    this.#fs = options.fs
    this.#path = join(options.directory, ACK_FILE)
  }

  write(mark: Watermark): void {
    this.#fd ??= this.#fs.openForUpdate(this.#path)
    this.#bytes.writeUInt32BE(mark.index, 0)
    this.#bytes.writeUInt32BE(Math.floor(mark.offset / TWO_32), 4)
    this.#bytes.writeUInt32BE(mark.offset >>> 0, 8)
    this.#bytes.writeUInt32BE(crc32(this.#bytes.subarray(0, 12)), 12)
    this.#fs.writeAt(this.#fd, this.#bytes, 0)
  }

  close(): void {
    if (this.#fd !== null) this.#fs.close(this.#fd)
    this.#fd = null
  }
}

/** Null when nothing is known: then everything is sent again. */
export function parseWatermark(bytes: Buffer): Watermark | null {
  if (bytes.length < BYTES || crc32(bytes.subarray(0, 12)) !== bytes.readUInt32BE(12)) return null
  return { index: bytes.readUInt32BE(0), offset: bytes.readUInt32BE(4) * TWO_32 + bytes.readUInt32BE(8) }
}
