import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeLz4Block, encodeLz4Block } from '../../../../infra/local/clickhouse/lz4-block.ts'
import { Lz4FrameDecoder, Lz4FrameEncoder } from '../../../../infra/local/clickhouse/lz4-frame.ts'
import { createXxHash32 } from '../../../../infra/local/clickhouse/xxhash32.ts'

const hash = (text: string) => {
  const state = createXxHash32()
  for (const byte of Buffer.from(text)) state.update(Buffer.from([byte]))
  return state.digest().toString(16)
}

test('xxHash32 of published vectors, fed byte by byte', () => {
  expect([hash(''), hash('a'), hash('abc'), hash('Nobody inspects the spammish repetition')]).toEqual([
    '2cc5d05',
    '550d7456',
    '32d153ff',
    'e2293b2f',
  ])
})

const repetitive = fc
  .array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 60 })), {
    maxLength: 40,
  })
  .map((runs) => Buffer.concat(runs.flatMap(([bytes, times]) => Array.from({ length: times }, () => bytes))))

test('a block decodes to what was encoded', () => {
  fc.assert(
    fc.property(repetitive, (plain) => {
      const target = Buffer.alloc(plain.length)
      expect(decodeLz4Block(encodeLz4Block(plain), target, 0)).toBe(plain.length)
      expect(target.equals(plain)).toBe(true)
    }),
  )
})

test('a damaged block never writes beyond its target', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), (noise) => {
      const target = Buffer.alloc(200)
      try {
        expect(decodeLz4Block(noise, target, 0)).toBeLessThanOrEqual(200)
      } catch (error) {
        expect(String(error)).toContain('damaged')
      }
    }),
  )
})

test('a frame decodes however it is cut into pieces, and fails when its end is missing', async () => {
  const plain = Buffer.from('daybook '.repeat(40_000))
  const frame = await buffer(Readable.from([plain]).pipe(new Lz4FrameEncoder()))
  expect(frame.length).toBeLessThan(plain.length / 10)
  const pieces = Array.from({ length: Math.ceil(frame.length / 7) }, (_, at) =>
    frame.subarray(at * 7, at * 7 + 7),
  )
  expect((await buffer(Readable.from(pieces).pipe(new Lz4FrameDecoder()))).equals(plain)).toBe(true)
  await expect(buffer(Readable.from([frame.subarray(0, -1)]).pipe(new Lz4FrameDecoder()))).rejects.toThrow(
    'cut short',
  )
  const wrong = Buffer.from(frame)
  wrong.writeUInt8(wrong.readUInt8(wrong.length - 1) ^ 1, wrong.length - 1)
  await expect(buffer(Readable.from([wrong]).pipe(new Lz4FrameDecoder()))).rejects.toThrow('checksum')
})

/** Made by the reference library: linked blocks, content size and checksum. */
const REFERENCE =
  '04224d185c408032020000000000851b010000ff01303132333435363738396162636465661000ffffffffffffffffffffff' +
  'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff' +
  'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff' +
  'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff' +
  'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff' +
  'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffd850626364' +
  '656653de5e9c0a0100000f1000ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff' +
  'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff' +
  'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff' +
  'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff' +
  'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff' +
  'ffffffffffffffffffffffffffffffffffffffe85062636465669f470e093c0000000f1000ffffffffffffffffffffffffff' +
  'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff9a5062636465667c0ab8fb0000' +
  '00003a2471f4'

test('a frame of the reference library with linked blocks decodes', async () => {
  const plain = await buffer(Readable.from([Buffer.from(REFERENCE, 'hex')]).pipe(new Lz4FrameDecoder()))
  expect(plain.toString()).toBe('0123456789abcdef'.repeat(9_000))
})
