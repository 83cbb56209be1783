import { PassThrough } from 'node:stream'
import avro from 'avsc'
import { describe, expect, it } from 'vitest'
import { smallEvents } from '../../../bench/events/generate.ts'
import {
  type ContainerCodec,
  encodeContainerBlock,
  encodeContainerHeader,
  readContainerBlocks,
  readContainerHeader,
} from '../../../schemas/container.ts'
import { AUDIT_EVENT_SCHEMA, AUDIT_EVENT_SCHEMA_TEXT } from '../../../schemas/generated/audit-event.ts'

const sync = Buffer.from('0123456789abcdef', 'latin1')
const codecs: readonly ContainerCodec[] = ['null', 'deflate', 'zstandard']
const payloads = [...smallEvents({ seed: 5, count: 40 })]

function file(codec: ContainerCodec): Buffer {
  const header = encodeContainerHeader({
    schemaJson: AUDIT_EVENT_SCHEMA_TEXT,
    codec,
    sync,
    meta: { 'daybook.x': Buffer.from([1, 2]) },
  })
  const blocks = [payloads.slice(0, 15), payloads.slice(15)].flatMap((part) =>
    encodeContainerBlock({ count: part.length, data: Buffer.concat(part), codec, sync }),
  )
  return Buffer.concat([header, ...blocks])
}

describe.each(codecs)('a container with codec %s', (codec) => {
  it('comes back as it was written', () => {
    const bytes = file(codec)
    const header = readContainerHeader(bytes)
    expect(header).toMatchObject({ codec, schemaJson: AUDIT_EVENT_SCHEMA_TEXT, sync })
    expect(header.meta.get('daybook.x')).toEqual(Buffer.from([1, 2]))
    const blocks = [...readContainerBlocks(bytes, header)]
    expect(blocks.map((block) => block.count)).toEqual([15, 25])
    expect(Buffer.concat(blocks.map((block) => block.data))).toEqual(Buffer.concat(payloads))
  })

  it('has equal bytes for equal input', () => {
    expect(file(codec)).toEqual(file(codec))
  })

  it('shows every cut within a block', () => {
    const bytes = file(codec)
    const header = readContainerHeader(bytes)
    for (const end of [
      header.headerLength + 1,
      header.headerLength + 3,
      bytes.length - 17,
      bytes.length - 1,
    ]) {
      expect(() => [...readContainerBlocks(bytes.subarray(0, end), header)]).toThrow(
        /Not (valid Avro|a valid Avro container)/,
      )
    }
  })
})

describe('other readers', () => {
  it.each(['null', 'deflate'] as const)('avsc reads codec %s', async (codec) => {
    const decoder = new avro.streams.BlockDecoder()
    const source = new PassThrough()
    source.pipe(decoder)
    source.end(file(codec))
    const events: unknown[] = []
    for await (const event of decoder) events.push(event)
    const type = avro.Type.forSchema(JSON.parse(AUDIT_EVENT_SCHEMA_TEXT))
    expect(events).toEqual(payloads.map((payload) => type.fromBuffer(payload)))
    expect(AUDIT_EVENT_SCHEMA.name).toBe('AuditEvent')
  })
})

describe('a damaged container', () => {
  const malformed = expect.objectContaining({ code: 'DAYBOOK_CONTAINER_MALFORMED' })

  it('is refused for a wrong start, an unknown codec and a missing schema', () => {
    expect(() => readContainerHeader(Buffer.from('PAR1'))).toThrow(malformed)
    expect(() =>
      readContainerHeader(
        Buffer.from(
          file('null').toString('latin1').replace('avro.codec\x08null', 'avro.codec\x08zstd'),
          'latin1',
        ),
      ),
    ).toThrow(malformed)
    expect(() =>
      readContainerHeader(Buffer.concat([Buffer.from('Obj\x01'), Buffer.from([0]), sync])),
    ).toThrow(malformed)
  })

  it('is refused for a wrong sync marker', () => {
    const bytes = file('null')
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
    expect(() => [...readContainerBlocks(bytes, readContainerHeader(bytes))]).toThrow(malformed)
  })

  it('is refused when a block unpacks to more than allowed', () => {
    for (const codec of ['deflate', 'zstandard'] as const) {
      const bytes = Buffer.concat([
        encodeContainerHeader({ schemaJson: '{}', codec, sync }),
        ...encodeContainerBlock({ count: 1, data: Buffer.alloc(1_000_000), codec, sync }),
      ])
      const blocks = () => [
        ...readContainerBlocks(bytes, readContainerHeader(bytes), { maxBlockBytes: 10_000 }),
      ]
      expect(blocks).toThrow(malformed)
    }
  })

  it('is refused at once when the header announces 2^50 entries', () => {
    const bomb = Buffer.concat([
      Buffer.from('Obj\x01'),
      Buffer.from('8080808080808010', 'hex'),
      Buffer.alloc(40),
    ])
    expect(() => readContainerHeader(bomb)).toThrow(malformed)
  })
})
