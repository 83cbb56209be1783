import { backoffMs } from '../../../runtime/backoff.ts'
import type { Clock } from '../../../runtime/clock.ts'
import { DEFAULT_RETRY } from '../../../runtime/retry.ts'
import type { DaybookError } from '../../../schemas/errors.ts'
import { clientError } from '../client/broker-errors.ts'
import type { ClusterView } from '../client/cluster-view.ts'
import { topicRecreated } from '../client/topic-metadata.ts'
import { configError } from './config-error.ts'
import { readSettings, type TopicReading } from './read-settings.ts'
import {
  eventTopicFindings,
  quarantineFindings,
  type TopicFinding,
  type TopicSettings,
} from './topic-rules.ts'

/** What is known of one topic. Warnings stop nothing and make nothing unhealthy. */
export type TopicState = { readonly warnings: readonly TopicFinding[] } & (
  | { readonly kind: 'ok'; readonly topicId: string }
  /**
   * Events of it may be lost, delayed or held too briefly (DAYBOOK_KAFKA_TOPIC_CONFIG). It is to be reported, and to
   * be read on: each event that is read is one that is safe, and one that is gone shows as a hole.
   */
  | { readonly kind: 'endangered'; readonly topicId: string; readonly error: DaybookError }
  /**
   * Its partitions must not be read: DAYBOOK_KAFKA_TOPIC_CONFIG, _TOPIC_MISSING, _TOPIC_RECREATED or _UNAUTHORIZED.
   * Of the quarantine topic: it may be impossible to write, so that what needs it waits.
   */
  | { readonly kind: 'failed'; readonly error: DaybookError }
)

export interface SettingsWatchOptions {
  readonly view: Pick<ClusterView, 'metadata' | 'topicConfigs'>
  readonly clock: Clock
  readonly topics: readonly string[]
  /** Null for workers that write none. */
  readonly quarantineTopic: string | null
  /** Default: 10 seconds. */
  readonly everyMs: number
  /** The id of the topic that is being read, where it is; another id in the cluster is DAYBOOK_KAFKA_TOPIC_RECREATED. */
  readonly readingId: (topic: string) => string | undefined
  readonly signal: AbortSignal
  /**
   * Called when a topic's state is known for the first time, whenever it is another, and at each look where the topic was
   * made anew; also for the quarantine topic.
   */
  readonly onState: (topic: string, state: TopicState) => void
  /** The cluster does not answer; what was known stays. Null: it does again. */
  readonly onTrouble?: (error: DaybookError | null) => void
}

export interface SettingsWatch {
  /** Asks now; calls that come while one is under way share it. Never rejects. */
  checkNow(): Promise<void>
}

/**
 * Follows the settings of topics until `signal` aborts. A topic that drifts concerns only itself, and is well again as
 * soon as it is seen to be set right.
 */
export function watchSettings(options: SettingsWatchOptions): SettingsWatch {
  const watch = new Watch(options)
  watch.run().catch((error: unknown) => options.onTrouble?.(clientError(error, 'watch of topic settings')))
  return watch
}

class Watch implements SettingsWatch {
  readonly #options: SettingsWatchOptions
  readonly #states = new Map<string, TopicState>()
  /** Topics that were gone, or made anew, at the last look. */
  readonly #suspects = new Set<string>()
  #running: Promise<void> | null = null
  #failures = 0

  constructor(options: SettingsWatchOptions) {
    this.#options = options
  }

  async run(): Promise<void> {
    const { clock, everyMs, signal } = this.#options
    while (!signal.aborted) {
      await this.checkNow()
      const retryMs = this.#failures === 0 ? everyMs : backoffMs(this.#failures, DEFAULT_RETRY)
      await clock.sleep(Math.min(everyMs, retryMs), signal)
    }
  }

  checkNow(): Promise<void> {
    if (this.#options.signal.aborted) return Promise.resolve()
    this.#running ??= this.#check().finally(() => {
      this.#running = null
    })
    return this.#running
  }

  async #check(): Promise<void> {
    const { view, topics, quarantineTopic, signal, onTrouble } = this.#options
    let readings: ReadonlyMap<string, TopicReading>
    try {
      const all = quarantineTopic === null ? topics : [...topics, quarantineTopic]
      readings = await readSettings(view, [...new Set(all)])
    } catch (error) {
      this.#failures += 1
      if (!signal.aborted) onTrouble?.(clientError(error, 'topic settings'))
      return
    }
    if (this.#failures > 0) onTrouble?.(null)
    this.#failures = 0
    if (signal.aborted) return
    const events = [...readings].flatMap(([topic, reading]) =>
      reading.kind === 'settings' && topics.includes(topic) ? [reading.settings] : [],
    )
    for (const [topic, reading] of readings) this.#take(topic, reading, events)
  }

  #take(topic: string, reading: TopicReading, events: readonly TopicSettings[]): void {
    if (reading.kind === 'unknown') return
    const state = this.#judge(topic, reading, events)
    if (state === null) return
    const before = this.#states.get(topic)
    if (before !== undefined && isSame(before, state) && !isRemade(state)) return
    this.#states.set(topic, state)
    this.#options.onState(topic, state)
  }

  /** Null: not believed yet. */
  #judge(
    topic: string,
    reading: Exclude<TopicReading, { kind: 'unknown' }>,
    events: readonly TopicSettings[],
  ): TopicState | null {
    const gone = this.#goneError(topic, reading)
    if (gone !== null) {
      // Metadata travels: a broker that has just started may not know the topic, or still know the one of before.
      const isFirstLook = !this.#states.has(topic)
      const isConfirmed = isFirstLook || this.#suspects.has(topic)
      this.#suspects.add(topic)
      return isConfirmed ? { kind: 'failed', error: gone, warnings: [] } : null
    }
    this.#suspects.delete(topic)
    if (reading.kind === 'error') return { kind: 'failed', error: reading.error, warnings: [] }
    const findings =
      topic === this.#options.quarantineTopic
        ? quarantineFindings(reading.settings, events)
        : eventTopicFindings(reading.settings)
    return stateOf(reading.topicId, findings)
  }

  #goneError(topic: string, reading: TopicReading): DaybookError | null {
    if (reading.kind === 'error') {
      return reading.error.code === 'DAYBOOK_KAFKA_TOPIC_MISSING' ? reading.error : null
    }
    const before = this.#options.readingId(topic)
    if (reading.kind === 'unknown' || before === undefined || before === reading.topicId) return null
    return topicRecreated(topic, before, reading.topicId)
  }
}

function stateOf(topicId: string, findings: readonly TopicFinding[]): TopicState {
  const warnings = findings.filter(({ severity }) => severity === 'warning')
  const errors = findings.filter(({ severity }) => severity === 'error')
  if (errors.length === 0) return { kind: 'ok', topicId, warnings }
  const error = configError(errors)
  return errors.some(({ reading }) => reading === 'stop')
    ? { kind: 'failed', error, warnings }
    : { kind: 'endangered', topicId, error, warnings }
}

/**
 * Said again at each look: who is told joins the group anew, and a broker that still knew the topic of before may then
 * have been the one that was asked.
 */
function isRemade(state: TopicState): boolean {
  return state.kind === 'failed' && state.error.code === 'DAYBOOK_KAFKA_TOPIC_RECREATED'
}

function isSame(a: TopicState, b: TopicState): boolean {
  return fingerprint(a) === fingerprint(b)
}

function fingerprint(state: TopicState): string {
  const error = state.kind === 'ok' ? '' : `${state.error.code} ${state.error.message}`
  const topicId = state.kind === 'failed' ? '' : state.topicId
  return JSON.stringify([state.kind, topicId, error, state.warnings.map(({ message }) => message)])
}
