import { randomUUID } from 'node:crypto'
import { constants, zstdCompressSync } from 'node:zlib'
import { type RawBatch, rawBatch, rawRecord } from '../../support/raw-produce.ts'
import { WORKERS, type WorkerKind } from '../faults/plan.ts'
import type { Attack } from './hostile-case.ts'

/** What cases of producers do and look for again and again. */

/** Codes of records in quarantine, without `DAYBOOK_RECORD_`. */
export type RecordCode =
  | 'NOT_WIRE_FORMAT'
  | 'UNKNOWN_SCHEMA'
  | 'WRONG_SCHEMA'
  | 'MALFORMED'
  | 'INVALID_FIELD'
  | 'OVERSIZED'
  | 'CORRUPT_BATCH'

/** Small enough to be sent whole, and large enough that more workers' time goes into it than into the request. */
export const zstd = (bytes: Buffer): Buffer =>
  zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 3 } })

/** The records of a batch, one after another. */
export const recordsOf = (values: readonly (Buffer | null)[]): Buffer =>
  Buffer.concat(values.map((value, delta) => rawRecord({ delta, value })))

/** Cut into pieces of `bytes`, each packed by itself. */
export const inPieces = (body: Buffer, bytes: number, pack: (piece: Buffer) => Buffer): Buffer =>
  Buffer.concat(
    Array.from({ length: Math.ceil(body.length / bytes) }, (_, at) =>
      pack(body.subarray(at * bytes, (at + 1) * bytes)),
    ),
  )

/** A batch of these values, as they are or compressed with zstd. */
export function batchOf(values: readonly (Buffer | null)[], codec: 0 | 4 = 0): Buffer {
  const body = recordsOf(values)
  return rawBatch({ body: codec === 4 ? zstd(body) : body, codec, count: values.length })
}

/** A batch whose one record is a valid event; the record's bytes are packed by `pack`. */
export function eventBatch(
  { validEvent }: Attack,
  codec: number,
  pack: (record: Buffer) => Buffer,
  more: Partial<RawBatch> = {},
): { readonly id: string; readonly batch: Buffer } {
  const id = randomUUID()
  const record = rawRecord({ delta: 0, value: validEvent({ event_id: id }) })
  return { id, batch: rawBatch({ body: pack(record), codec, count: 1, ...more }) }
}

/** `count` valid events with their ids. */
export function events({ validEvent }: Attack, count: number, over: Readonly<Record<string, unknown>> = {}) {
  return Array.from({ length: count }, () => {
    const id = randomUUID()
    return { id, value: validEvent({ event_id: id, ...over }) }
  })
}

/** The metrics' values of records of the target's topic with this code, by worker. */
async function badCounts(attack: Attack, code: RecordCode): Promise<Record<WorkerKind, number>> {
  const of = (kind: WorkerKind) =>
    attack.metric(kind, 'daybook_quarantined_records_total', { topic: attack.target.topic, code })
  const [hot, cold] = await Promise.all([of('hot'), of('cold')])
  return { hot, cold }
}

/** Does `send`, then waits until both workers have counted `count` more records with this code. */
export async function isSetAside(
  attack: Attack,
  code: RecordCode,
  count: number,
  send: () => Promise<unknown>,
  timeoutMs?: number,
): Promise<void> {
  const before = await badCounts(attack, code)
  await send()
  let now = before
  const isThere = async () => {
    now = await badCounts(attack, code)
    return WORKERS.every((kind) => now[kind] >= before[kind] + count)
  }
  try {
    await attack.until(`both workers set aside ${count} × ${code}`, isThere, timeoutMs)
  } catch (error) {
    const counted = `hot counted ${now.hot - before.hot}, cold ${now.cold - before.cold}`
    throw new Error(`${error instanceof Error ? error.message : String(error)} (${counted})`)
  }
}

/** Waits until both workers have gone beyond this offset of the target, or of another partition of its topic. */
export async function bothPass(
  attack: Attack,
  offset: bigint,
  timeoutMs?: number,
  partition = attack.target.partition,
): Promise<void> {
  const { topic } = attack.target
  for (const kind of WORKERS)
    await attack.until(
      `the ${kind} worker passes offset ${offset}`,
      async () => {
        const labels = { topic, partition: String(partition) }
        return BigInt(await attack.metric(kind, 'daybook_position_offset', labels)) > offset
      },
      timeoutMs,
    )
}

/** Waits until the view shows each of these ids once. */
export async function allShow(attack: Attack, ids: readonly string[], timeoutMs?: number): Promise<void> {
  const list = ids.map((id) => `'${id}'`).join(',')
  await attack.until(
    `the view shows ${ids.length} events of the case once each`,
    async () => {
      const [row] = await attack.sql<{ rows: string; ids: string }>(
        `SELECT count() AS rows, uniqExact(event_id) AS ids FROM daybook.audit WHERE event_id IN (${list})`,
      )
      return Number(row?.rows) === ids.length && Number(row?.ids) === ids.length
    },
    timeoutMs,
  )
}

/** As `allShow`, and each was received when the broker took it, whatever its record says. */
export async function allShowWithBrokerTime(attack: Attack, ids: readonly string[]): Promise<void> {
  await allShow(attack, ids)
  const list = ids.map((id) => `'${id}'`).join(',')
  const [far] = await attack.sql<{ n: string }>(
    `SELECT count() AS n FROM daybook.audit WHERE event_id IN (${list}) AND abs(dateDiff('second', _received_at, now())) > 120`,
  )
  mustBe('the number of rows whose time of receipt is not the broker’s', far?.n, '0')
}

/** Sends one valid event to the target and waits until it shows: what came before it is dealt with. */
export async function goesOn(attack: Attack, timeoutMs?: number): Promise<void> {
  const { id, batch } = eventBatch(attack, 0, (record) => record)
  const offset = await attack.sendBatch(batch)
  await bothPass(attack, offset, timeoutMs)
  await allShow(attack, [id], timeoutMs)
}

/** Entries of `daybook quarantine ls` of the target's topic. */
export async function listed(attack: Attack): Promise<Record<string, unknown>[]> {
  const { topic } = attack.target
  const { code, stdout, stderr } = await attack.daybook(
    ...['quarantine', 'ls', '--topic', topic, '--limit', '1000000', '--json'],
  )
  if (code !== 0) throw new Error(`daybook quarantine ls ended with ${code}: ${stderr.slice(-1_500)}`)
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Record<string, unknown> => JSON.parse(line))
}

/** The quarantine's entry of the batch at this offset of the target. */
export async function isListed(attack: Attack, offset: bigint): Promise<Record<string, unknown>> {
  const key = `${attack.target.topic}:${attack.target.partition}:${offset}`
  let entry: Record<string, unknown> | undefined
  await attack.until(`daybook quarantine ls lists ${key}`, async () => {
    entry = (await listed(attack)).find((one) => one['key'] === key)
    return entry !== undefined
  })
  return entry ?? {}
}

export function mustBe(what: string, seen: unknown, right: unknown): void {
  const [is, shall] = [JSON.stringify(seen), JSON.stringify(right)]
  if (is !== shall) throw new Error(`${what} is ${is}, not ${shall}`)
}
