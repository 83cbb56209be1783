import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AnswerReader } from '../../../runtime/kafka-wire/answers.ts'

function framed(body: Uint8Array): Buffer {
  const size = Buffer.alloc(4)
  size.writeInt32BE(body.length)
  return Buffer.concat([size, body])
}

function read(chunks: readonly Uint8Array[]) {
  const answers: Buffer[] = []
  const reader = new AnswerReader((answer) => answers.push(answer))
  const went = chunks.map((chunk) => reader.take(chunk))
  return { answers, went }
}

/** The bytes in pieces of these sizes, over and over. */
function pieces(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const out: Buffer[] = []
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const size = sizes[n % sizes.length] ?? 1
    out.push(bytes.subarray(at, at + size))
    at += size
  }
  return out
}

describe('a broker’s answers', () => {
  test('come out whole and in order, however the connection cuts them', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
        (bodies, sizes) => {
          const expected = bodies.map(framed)
          expect(read(pieces(Buffer.concat(expected), sizes)).answers).toEqual(expected)
        },
      ),
    )
  })

  test('do not share memory with the buffer that is read into', () => {
    const chunk = framed(Buffer.from('answer'))
    const { answers } = read([chunk])
    chunk.fill(0)
    expect(answers).toEqual([framed(Buffer.from('answer'))])
  })

  test('an answer that was not finished is not given', () => {
    expect(read([framed(Buffer.from('answer')).subarray(0, 7)]).answers).toEqual([])
  })

  test.each([
    ['a negative size', -1],
    ['the first letters of an HTTP answer', 0x48545450],
  ])('no Kafka: %s', (_what, size) => {
    const head = Buffer.alloc(4)
    head.writeInt32BE(size)
    expect(read([head])).toEqual({ answers: [], went: [false] })
  })
})
