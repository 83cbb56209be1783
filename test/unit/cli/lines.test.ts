import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type InputLine, readLines } from '../../../cli/emit/lines.ts'

async function read(chunks: readonly (Buffer | string)[], maxLineBytes = 100): Promise<InputLine[]> {
  async function* source() {
    yield* chunks
  }
  const lines: InputLine[] = []
  for await (const line of readLines(source(), maxLineBytes)) lines.push(line)
  return lines
}

describe('readLines', () => {
  it('gives the same lines however the input is cut into chunks', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'binary', maxLength: 30 }).map((line) => line.replaceAll('\n', ''))),
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
        async (lines, sizes) => {
          const bytes = Buffer.from(lines.join('\n'))
          const chunks: Buffer[] = []
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const size = sizes[i % sizes.length] ?? 1
            chunks.push(bytes.subarray(at, at + size))
            at += size
          }
          const expected = lines
            .map((text, index) => ({ kind: 'line', number: index + 1, text }))
            .filter(({ text }) => text.trim() !== '')
          // A byte order mark at the start of a line is not part of its text.
          const found = await read(chunks, 1_000)
          expect(found.map((line) => ('text' in line ? line.number : -1))).toEqual(
            expected.map(({ number }) => number),
          )
          expect(found.map((line) => ('text' in line ? line.text : ''))).toEqual(
            expected.map(({ text }) => text.replace(/^\ufeff/, '')),
          )
        },
      ),
    )
  })

  it('names a line that is too long by its length and goes on behind it', async () => {
    const lines = await read(['a'.repeat(60), 'a'.repeat(60), '\nnext\n'])
    expect(lines).toEqual([
      { kind: 'too-long', number: 1, bytes: 120 },
      { kind: 'line', number: 2, text: 'next' },
    ])
  })

  it('names a line that is not UTF-8', async () => {
    const lines = await read([Buffer.from([0x7b, 0xff, 0x0a]), 'ok'])
    expect(lines).toEqual([
      { kind: 'not-utf8', number: 1 },
      { kind: 'line', number: 2, text: 'ok' },
    ])
  })
})
