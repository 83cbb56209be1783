import avro from 'avsc'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteReader, ByteWriter } from '../../../schemas/bytes.ts'

const longType = avro.Type.forSchema('long')
const stringType = avro.Type.forSchema('string')
const edges = [
  0,
  1,
  -1,
  63,
  64,
  -64,
  -65,
  2 ** 30 - 1,
  2 ** 30,
  -(2 ** 30),
  -(2 ** 30) - 1,
  2 ** 31,
  2 ** 52 - 1,
]

function written(write: (w: ByteWriter) => void): Buffer {
  const writer = new ByteWriter(1)
  write(writer)
  return writer.take()
}

describe('longs', () => {
  it('are written as avsc writes them', () => {
    for (const n of edges) expect(written((w) => w.writeLong(n))).toEqual(longType.toBuffer(n))
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 52), max: 2 ** 52 - 1 }), (n) => {
        expect(written((w) => w.writeLong(n)).equals(longType.toBuffer(n))).toBe(true)
      }),
    )
  })

  it('come back over all 64 bits, as number where that is exact', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (n) => {
        const bytes = written((w) => w.writeLong(n))
        expect(new ByteReader(bytes).readBigLong()).toBe(n)
        const rough = new ByteReader(bytes).skimLong()
        expect(Number.isSafeInteger(rough)).toBe(Number.isSafeInteger(Number(n)))
        if (Number.isSafeInteger(rough)) expect(rough).toBe(Number(n))
      }),
    )
    for (const n of [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, -(2 ** 52) - 1, 2 ** 52 + 1]) {
      expect(new ByteReader(written((w) => w.writeLong(n))).readLong()).toBe(n)
    }
  })

  it('refuse what is no 64-bit integer instead of writing something else', () => {
    for (const n of [0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY, 2n ** 63n]) {
      expect(() => written((w) => w.writeLong(n))).toThrow(RangeError)
    }
  })

  it('refuse to read past the end, eleven bytes, and numbers that would be rounded', () => {
    const code = { code: 'DAYBOOK_AVRO_MALFORMED' }
    expect(() => new ByteReader(Buffer.from([0x80])).readLong()).toThrow(expect.objectContaining(code))
    expect(() => new ByteReader(Buffer.alloc(11, 0xff)).readLong()).toThrow(expect.objectContaining(code))
    expect(() => new ByteReader(Buffer.alloc(11, 0xff)).readBigLong()).toThrow(expect.objectContaining(code))
    expect(() => new ByteReader(written((w) => w.writeLong(2n ** 60n))).readLong()).toThrow(
      expect.objectContaining(code),
    )
  })
})

describe('strings', () => {
  it('are written as avsc writes them, at every size of the length', () => {
    for (const n of [0, 1, 40, 41, 63, 64, 8191, 8192, 70_000]) {
      for (const unit of ['x', 'é', '€', '😀']) {
        const s = unit.repeat(n)
        expect(written((w) => w.writeString(s)).equals(stringType.toBuffer(s))).toBe(true)
      }
    }
  })

  it('become UTF-8 also where a surrogate has no partner', () => {
    const bytes = written((w) => w.writeString('a\ud800b'))
    expect(new ByteReader(bytes).readString()).toBe('a\ufffdb')
  })

  it('do not read beyond their bytes', () => {
    expect(() => new ByteReader(Buffer.from([0x0a, 0x61])).readString()).toThrow(/5 bytes are announced/)
    expect(() => new ByteReader(Buffer.from([0x01, 0x61])).readBytes()).toThrow(/-1 bytes are announced/)
  })
})

describe('a writer', () => {
  it('keeps what it holds when it grows', () => {
    const bytes = written((w) => {
      for (let i = 0; i < 1000; i++) w.writeBytes(Buffer.from([i & 0xff]))
    })
    const reader = new ByteReader(bytes)
    for (let i = 0; i < 1000; i++) expect(reader.readBytes()[0]).toBe(i & 0xff)
    expect(reader.remaining).toBe(0)
  })

  it('copies the part of a source that it is given', () => {
    expect(written((w) => w.writeRaw(Buffer.from('abcdef'), 2, 4)).toString()).toBe('cd')
  })
})
