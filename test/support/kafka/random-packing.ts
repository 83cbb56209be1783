import { constants, gzipSync, zstdCompressSync } from 'node:zlib'
import { lz4Block, lz4Frame, skippableZstdFrame, snappyBlock, xerial } from './encoders.ts'
import type { RandomSource } from './random-source.ts'

/**
 * Compresses `body` in one of the many ways that the codec of this number allows, with what may stand around it: bytes
 * after the end, a second stream, a stream that is cut off.
 */
export function packRandomly(random: RandomSource, codec: number, body: Buffer): Buffer {
  const pack = [() => body, gzip, snappy, lz4, zstd][codec] ?? (() => body)
  return pack(random, body)
}

function tail(random: RandomSource, ofSameKind: () => Buffer): Buffer {
  const kind = random.int(12)
  if (kind === 0) return random.bytes(1 + random.int(40))
  if (kind === 1) return Buffer.alloc(1 + random.int(40))
  if (kind === 2) return ofSameKind()
  if (kind === 3) return random.pick(random.pieces(ofSameKind(), 3))
  return Buffer.alloc(0)
}

function gzip(random: RandomSource, body: Buffer): Buffer {
  const member = (bytes: Buffer) => gzipSync(bytes, { level: random.int(10) })
  const members = random.pieces(body, random.once(3) ? 3 : 0).map((piece) => headed(random, member(piece)))
  return Buffer.concat([...members, tail(random, () => member(random.bytes(random.int(20))))])
}

/** With fields that a header may have; their flags and checksum are not always right. */
function headed(random: RandomSource, member: Buffer): Buffer {
  if (!random.once(6)) return member
  const flags = random.once(4) ? random.int(256) : random.pick([0, 1, 4, 8, 16, 0x20, 0x80])
  const head = Buffer.from(member.subarray(0, 10))
  head.writeUInt8(flags, 3)
  const extra = (flags & 4) === 0 ? [] : [3, 0, 1, 2, 3]
  const name = (flags & 8) === 0 ? [] : [0x6e, 0]
  const comment = (flags & 16) === 0 ? [] : [0]
  return Buffer.concat([head, Buffer.from([...extra, ...name, ...comment]), member.subarray(10)])
}

function snappy(random: RandomSource, body: Buffer): Buffer {
  const raw = Buffer.concat([snappyBlock(body), random.once(8) ? random.bytes(2) : Buffer.alloc(0)])
  if (random.once(4)) return raw
  const streams = random.pieces(body, random.once(3) ? 2 : 0)
  const framed = streams.map((part) => xerial(random.pieces(part, 3).map((block) => snappyBlock(block))))
  return Buffer.concat([...framed, tail(random, () => xerial([snappyBlock('more')]))])
}

function lz4(random: RandomSource, body: Buffer): Buffer {
  const options = {
    flags: random.once(3) ? random.pick([0x10, 0x08, 0x04, 0x1c, 0x01, -0x20, 0x40]) : 0,
    blockSizeCode: random.once(8) ? random.int(8) : random.pick([4, 5, 6, 7]),
  }
  const pieces = random.pieces(body, 3).filter((piece) => piece.length > 0 || random.once(30))
  const blocks = pieces.map((piece) => (random.once(4) ? { stored: piece } : { packed: lz4Block(piece) }))
  return Buffer.concat([
    lz4Frame(blocks, options),
    tail(random, () => lz4Frame([{ stored: Buffer.from('x') }])),
  ])
}

function zstd(random: RandomSource, body: Buffer): Buffer {
  const frame = (bytes: Buffer) =>
    zstdCompressSync(bytes, {
      params: {
        [constants.ZSTD_c_checksumFlag]: random.int(2),
        [constants.ZSTD_c_contentSizeFlag]: random.int(2),
        [constants.ZSTD_c_compressionLevel]: 1 + random.int(5),
      },
    })
  const frames = random.pieces(body, random.once(3) ? 3 : 0).map((piece) => {
    return Buffer.concat([
      random.once(5) ? skippableZstdFrame(random.int(30)) : Buffer.alloc(0),
      frame(piece),
    ])
  })
  return Buffer.concat([
    ...frames,
    tail(random, () => random.pick([skippableZstdFrame(9), frame(random.bytes(20))])),
  ])
}
