import { lz4Block, lz4Frame } from '../../../support/kafka/encoders.ts'
import { rawBatch, varint } from '../../../support/raw-produce.ts'
import type { HostileCase } from '../hostile-case.ts'
import { allShow, events, goesOn, isSetAside, recordsOf, zstd } from '../seen.ts'

const MIB = 2 ** 20
/** The largest: block size code 7. */
const LZ4_BLOCK_BYTES = 4 * MIB

/** A record with these headers. */
function withHeaders(value: Buffer, count: number, header: Buffer): Buffer {
  const one = Buffer.concat([varint(1n), Buffer.from('h'), varint(BigInt(header.length)), header])
  const head = [Buffer.of(0), varint(0n), varint(0n), varint(-1n), varint(BigInt(value.length)), value]
  const body = Buffer.concat([...head, varint(BigInt(count)), ...Array.from({ length: count }, () => one)])
  return Buffer.concat([varint(BigInt(body.length)), body])
}

/** Few bytes on the wire, and much of what nobody wants behind them. */
export const BLOATED_CASES: readonly HostileCase[] = [
  {
    name: 'events with 200,000 headers, with headers of 20 MB, and with headers of 64 MB',
    cells: ['producer/record batches/delay', 'producer/record batches/stop'],
    inTest: true,
    run: async (attack) => {
      const [many, large] = events(attack, 2)
      if (many === undefined || large === undefined) return
      const ids = [many.id, large.id]
      await attack.sendBatch(rawBatch({ body: withHeaders(many.value, 200_000, Buffer.alloc(0)), count: 1 }))
      const packed = zstd(withHeaders(large.value, 20, Buffer.alloc(MIB)))
      await attack.sendBatch(rawBatch({ body: packed, codec: 4, count: 1 }))
      await allShow(attack, ids)
      const tooLarge = zstd(withHeaders(attack.validEvent(), 64, Buffer.alloc(MIB)))
      const batch = rawBatch({ body: tooLarge, codec: 4, count: 1 })
      await isSetAside(attack, 'OVERSIZED', 1, () => attack.sendBatch(batch))
      await goesOn(attack)
    },
  },
  {
    name: '60 valid events, each with a header of 30 MB, in batches of 1 kB',
    cells: ['producer/record batches/grow', 'producer/record batches/delay'],
    inTest: false,
    run: async (attack) => {
      const sent = events(attack, 60)
      for (const { value } of sent) {
        const packed = zstd(withHeaders(value, 1, Buffer.alloc(30 * MIB)))
        await attack.sendBatch(rawBatch({ body: packed, codec: 4, count: 1 }))
      }
      await allShow(
        attack,
        sent.map(({ id }) => id),
      )
      await goesOn(attack)
    },
  },
  {
    name: '150 LZ4 bombs of 36 MB in one partition',
    cells: ['producer/record batches/delay'],
    inTest: false,
    run: async (attack) => {
      const body = recordsOf([Buffer.alloc(36 * MIB)])
      const blocks = Array.from({ length: Math.ceil(body.length / LZ4_BLOCK_BYTES) }, (_, at) => {
        return { packed: lz4Block(body.subarray(at * LZ4_BLOCK_BYTES, (at + 1) * LZ4_BLOCK_BYTES)) }
      })
      const bomb = rawBatch({ body: lz4Frame(blocks, { blockSizeCode: 7 }), codec: 3, count: 1 })
      const send = async () => {
        for (let sent = 0; sent < 150; sent++) await attack.sendBatch(bomb)
      }
      await isSetAside(attack, 'OVERSIZED', 150, send, 90_000)
      await goesOn(attack)
    },
  },
]
