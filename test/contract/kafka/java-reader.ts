import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { AbortedTransaction } from '../../../consumers/kafka/protocol/fetch-request.ts'
import type { RecordHeaders } from '../../../consumers/kafka/protocol/record-reader.ts'

export interface JavaRecord {
  readonly offset: bigint
  readonly timestamp: bigint
  readonly hasProducerTime: boolean
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: RecordHeaders
}

/** What Kafka's own consumer makes of an answer. */
export type JavaAnswer =
  | { readonly kind: 'read'; readonly records: readonly JavaRecord[]; readonly leavesOut: boolean }
  | { readonly kind: 'refused'; readonly cause: string }

export interface JavaRequest {
  readonly from: bigint
  readonly aborted: readonly AbortedTransaction[]
  readonly batches: Buffer
}

/** Kafka's own consumer in a process of its own, which answers requests in order (BatchReader.java). */
export class JavaReader {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #classes: string
  readonly #waiting: ((message: Buffer) => void)[] = []
  readonly #failed: Promise<never>
  #arrived: Buffer = Buffer.alloc(0)
  #errors = ''
  /** Valid batches that Kafka's own builder made, of every codec. */
  readonly made: Promise<readonly Buffer[]>

  /** Compiles and starts it. @throws when there is no compiler or no jar */
  constructor(batchesOfEach: number) {
    this.#classes = mkdtempSync(join(tmpdir(), 'daybook-java-'))
    const classPath = `${this.#classes}:${jars()}`
    const program = fileURLToPath(new URL('./BatchReader.java', import.meta.url))
    const compiled = spawnSync('javac', ['-cp', classPath, '-d', this.#classes, program], {
      encoding: 'utf8',
    })
    if (compiled.status !== 0) throw new Error(`javac ended with ${compiled.status}: ${compiled.stderr}`)
    const main = 'org.apache.kafka.clients.consumer.internals.BatchReader'
    const options = ['-Xmx256m', '-XX:+UseSerialGC', '-cp', classPath, main, String(batchesOfEach)]
    this.#child = spawn('java', options, { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#child.stdout.on('data', (chunk: Buffer) => this.#take(chunk))
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString('utf8')).slice(-2_000)
    })
    this.#failed = new Promise((_, reject) => {
      this.#child.once('close', (code) =>
        reject(new Error(`the Java reader ended with ${code}: ${this.#errors}`)),
      )
    })
    this.#failed.catch(() => undefined)
    this.made = Promise.all(Array.from({ length: 5 * batchesOfEach }, () => this.#message()))
  }

  async ask(requests: readonly JavaRequest[]): Promise<readonly JavaAnswer[]> {
    const answers = requests.map(() => this.#message())
    this.#child.stdin.write(Buffer.concat(requests.map(encodeRequest)))
    return (await Promise.all(answers)).map(decodeAnswer)
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#child.once('close', resolve))
    this.#child.stdin.end()
    await closed
    rmSync(this.#classes, { recursive: true, force: true })
  }

  #message(): Promise<Buffer> {
    const { promise, resolve } = Promise.withResolvers<Buffer>()
    this.#waiting.push(resolve)
    return Promise.race([promise, this.#failed])
  }

  #take(chunk: Buffer): void {
    const all = this.#arrived.length === 0 ? chunk : Buffer.concat([this.#arrived, chunk])
    let at = 0
    while (at + 4 <= all.length && at + 4 + all.readInt32BE(at) <= all.length) {
      const end = at + 4 + all.readInt32BE(at)
      this.#waiting.shift()?.(all.subarray(at + 4, end))
      at = end
    }
    this.#arrived = all.subarray(at)
  }
}

function jars(): string {
  const folder = process.env['DAYBOOK_KAFKA_JARS']
  if (folder === undefined) throw new Error('DAYBOOK_KAFKA_JARS is not set: run the tests through `npm test`')
  return `${folder}/*`
}

function encodeRequest({ from, aborted, batches }: JavaRequest): Buffer {
  const head = Buffer.alloc(16 + 16 * aborted.length)
  head.writeInt32BE(head.length - 4 + batches.length, 0)
  head.writeBigInt64BE(from, 4)
  head.writeInt32BE(aborted.length, 12)
  for (const [i, { producerId, firstOffset }] of aborted.entries()) {
    head.writeBigInt64BE(producerId, 16 + 16 * i)
    head.writeBigInt64BE(firstOffset, 24 + 16 * i)
  }
  return Buffer.concat([head, batches])
}

const STATUS = { refused: 0, leftOut: 2 } as const

function decodeAnswer(message: Buffer): JavaAnswer {
  const status = message.readInt8(0)
  if (status === STATUS.refused) return { kind: 'refused', cause: message.toString('utf8', 1) }
  let at = 5
  const bytes = (): Buffer | null => {
    const length = message.readInt32BE(at)
    at += 4 + Math.max(0, length)
    return length < 0 ? null : message.subarray(at - length, at)
  }
  const records = Array.from({ length: message.readInt32BE(1) }, () => {
    const [offset, timestamp] = [message.readBigInt64BE(at), message.readBigInt64BE(at + 8)]
    const hasProducerTime = message.readInt8(at + 16) === 1
    at += 17
    const [key, value] = [bytes(), bytes()]
    const count = message.readInt32BE(at)
    at += 4
    const headers = Array.from({ length: count }, () => [bytes()?.toString('utf8') ?? '', bytes()] as const)
    return { offset, timestamp, hasProducerTime, key, value, headers }
  })
  return { kind: 'read', records, leavesOut: status === STATUS.leftOut }
}
