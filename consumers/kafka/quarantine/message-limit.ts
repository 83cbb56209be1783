import type { Kafka } from 'kafkajs'

/** Resource type of DescribeConfigs. kafkajs has it, but not where an ES module can import it from. */
const TOPIC = 2
/** Kafka's own default is a little more. */
const FALLBACK_BYTES = 1_000_000
const MAX_AGE_MS = 60_000
/** Of a record batch and the record in it, besides key, value and headers. */
const FRAME_BYTES = 256
const SETTING = 'max.message.bytes'

/** How large a record of one topic may be, read from the broker now and then. */
export class MessageLimit {
  readonly #kafka: Kafka
  readonly #topic: string
  readonly #now: () => number
  #known: { readonly bytes: number; readonly at: number } | null = null

  constructor(kafka: Kafka, topic: string, now: () => number) {
    this.#kafka = kafka
    this.#topic = topic
    this.#now = now
  }

  /** Key, value and headers together. Never rejects: where the broker does not say, its default counts. */
  async bytes(): Promise<number> {
    const known = this.#known
    if (known !== null && this.#now() - known.at < MAX_AGE_MS) return known.bytes
    const bytes = (await this.#read().catch(() => FALLBACK_BYTES)) - FRAME_BYTES
    this.#known = { bytes, at: this.#now() }
    return bytes
  }

  /** The broker refused what `bytes` allowed. */
  forget(): void {
    this.#known = null
  }

  async #read(): Promise<number> {
    const admin = this.#kafka.admin()
    try {
      await admin.connect()
      const resources = [{ type: TOPIC, name: this.#topic, configNames: [SETTING] }]
      const { resources: described } = await admin.describeConfigs({ resources, includeSynonyms: false })
      const entry = described[0]?.configEntries.find(({ configName }) => configName === SETTING)
      const bytes = Number(entry?.configValue)
      return bytes > 0 ? bytes : FALLBACK_BYTES
    } finally {
      await admin.disconnect()
    }
  }
}
