/** LZ4 frames (`Content-Encoding: lz4`), after the public description of the LZ4 frame format. */
import { Transform, type TransformCallback } from 'node:stream'
import { decodeLz4Block, encodeLz4Block } from './lz4-block.ts'
import { createXxHash32, type XxHash32 } from './xxhash32.ts'

const MAGIC = 0x184d2204
const HISTORY_BYTES = 64 << 10
/** By the number in the descriptor. */
const BLOCK_BYTES: ReadonlyMap<number, number> = new Map([
  [4, 64 << 10],
  [5, 256 << 10],
  [6, 1 << 20],
  [7, 4 << 20],
])

interface Frame {
  readonly linked: boolean
  readonly blockChecksums: boolean
  readonly content: XxHash32 | null
  readonly blockBytes: number
}

/** Fails when a frame is damaged or cut short. Several frames may follow each other. */
export class Lz4FrameDecoder extends Transform {
  #waiting: Buffer = Buffer.alloc(0)
  #frame: Frame | null = null
  #history: Buffer = Buffer.alloc(0)

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#waiting = this.#waiting.length === 0 ? chunk : Buffer.concat([this.#waiting, chunk])
    try {
      for (let used = this.#step(); used > 0; used = this.#step())
        this.#waiting = this.#waiting.subarray(used)
      done()
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)))
    }
  }

  override _flush(done: TransformCallback): void {
    const whole = this.#frame === null && this.#waiting.length === 0
    done(whole ? null : new Error('LZ4 frame is cut short'))
  }

  /** Takes one header, block or end mark; the bytes it used, 0 when they are not all here. */
  #step(): number {
    return this.#frame === null ? this.#header() : this.#block(this.#frame)
  }

  #header(): number {
    const bytes = this.#waiting
    if (bytes.length < 7) return 0
    if (bytes.readUInt32LE(0) !== MAGIC) throw new Error('no LZ4 frame')
    const flags = bytes.readUInt8(4)
    const length = 7 + ((flags & 8) > 0 ? 8 : 0) + ((flags & 1) > 0 ? 4 : 0)
    if (bytes.length < length) return 0
    const blockBytes = BLOCK_BYTES.get((bytes.readUInt8(5) >> 4) & 7)
    const check = createXxHash32()
    check.update(bytes.subarray(4, length - 1))
    if (
      flags >> 6 !== 1 ||
      blockBytes === undefined ||
      ((check.digest() >> 8) & 0xff) !== bytes[length - 1]
    ) {
      throw new Error('LZ4 frame header is damaged')
    }
    this.#history = Buffer.alloc(0)
    this.#frame = {
      linked: (flags & 32) === 0,
      blockChecksums: (flags & 16) > 0,
      content: (flags & 4) > 0 ? createXxHash32() : null,
      blockBytes,
    }
    return length
  }

  #block(frame: Frame): number {
    const bytes = this.#waiting
    if (bytes.length < 4) return 0
    const word = bytes.readUInt32LE(0)
    if (word === 0) return this.#end(frame)
    const size = word & 0x7fffffff
    if (size > frame.blockBytes) throw new Error('LZ4 block is too long')
    const length = 4 + size + (frame.blockChecksums ? 4 : 0)
    if (bytes.length < length) return 0
    const data = bytes.subarray(4, 4 + size)
    const plain = word >>> 31 === 1 ? data : this.#decode(frame, data)
    frame.content?.update(plain)
    if (frame.linked) this.#history = Buffer.concat([this.#history, plain]).subarray(-HISTORY_BYTES)
    this.push(plain)
    return length
  }

  #decode(frame: Frame, data: Buffer): Buffer {
    const from = this.#history.length
    const target = Buffer.allocUnsafe(from + frame.blockBytes)
    this.#history.copy(target)
    return target.subarray(from, decodeLz4Block(data, target, from))
  }

  #end(frame: Frame): number {
    if (frame.content === null) {
      this.#frame = null
      return 4
    }
    if (this.#waiting.length < 8) return 0
    if (this.#waiting.readUInt32LE(4) !== frame.content.digest())
      throw new Error('LZ4 content checksum is wrong')
    this.#frame = null
    return 8
  }
}

/** Independent blocks of 64 KiB, content checksum. */
export class Lz4FrameEncoder extends Transform {
  readonly #content = createXxHash32()
  #begun = false

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#begin()
    this.#content.update(chunk)
    for (let at = 0; at < chunk.length; at += 64 << 10) this.#block(chunk.subarray(at, at + (64 << 10)))
    done()
  }

  override _flush(done: TransformCallback): void {
    this.#begin()
    const end = Buffer.alloc(8)
    end.writeUInt32LE(this.#content.digest(), 4)
    done(null, end)
  }

  #begin(): void {
    if (this.#begun) return
    this.#begun = true
    const header = Buffer.from([0, 0, 0, 0, 0x64, 0x40, 0])
    header.writeUInt32LE(MAGIC, 0)
    const check = createXxHash32()
    check.update(header.subarray(4, 6))
    header.writeUInt8((check.digest() >> 8) & 0xff, 6)
    this.push(header)
  }

  #block(plain: Buffer): void {
    const packed = encodeLz4Block(plain)
    const stored = packed.length >= plain.length
    const data = stored ? plain : packed
    const size = Buffer.alloc(4)
    size.writeUInt32LE((stored ? data.length | 0x80000000 : data.length) >>> 0)
    this.push(size)
    this.push(data)
  }
}
