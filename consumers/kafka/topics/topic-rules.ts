/** The settings of a topic that decide whether it can be the pipeline's. */
export interface TopicSettings {
  readonly topic: string
  /** As the broker reports them: `cleanup.policy`, `retention.ms`, … */
  readonly values: ReadonlyMap<string, string>
  readonly replication: number
}

export interface TopicFinding {
  readonly topic: string
  readonly setting: string
  /** A worker does not start while there is an error. */
  readonly severity: 'error' | 'warning'
  /** What is, what must be and why. */
  readonly message: string
}

const DAY_MS = 86_400_000
/** Kafka is the replay buffer: a store that is down for less than this loses nothing. */
export const MIN_RETENTION_MS = 7 * DAY_MS
/** The source refuses a batch that decompresses to more; no batch may be larger before that. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024
/** What the quarantine's headers add to a record. */
export const QUARANTINE_OVERHEAD_BYTES = 64 * 1024

interface Rule {
  readonly setting: string
  readonly severity: TopicFinding['severity']
  readonly isKept: (value: string, settings: TopicSettings) => boolean
  readonly must: string
  readonly because: string
}

const DURABILITY: readonly Rule[] = [
  {
    setting: 'min.insync.replicas',
    severity: 'error',
    isKept: (value, { replication }) => replication < 3 || Number(value) >= 2,
    must: 'be at least 2 where a partition has three replicas',
    because: 'otherwise an acknowledged event may stand on one disk only',
  },
  {
    setting: 'unclean.leader.election.enable',
    severity: 'error',
    isKept: (value, { replication }) => replication < 2 || value === 'false',
    must: 'be false',
    because: 'a replica that lags could become leader and cut acknowledged events off',
  },
]

const EVENTS: readonly Rule[] = [
  {
    setting: 'message.timestamp.type',
    severity: 'error',
    isKept: (value) => value === 'LogAppendTime',
    must: 'be LogAppendTime',
    because: 'retention and archive minutes follow the time of the broker, not the clock of a producer',
  },
  {
    setting: 'cleanup.policy',
    severity: 'error',
    isKept: (value) => value === 'delete',
    must: 'be delete',
    because: 'compaction removes events that have the same key',
  },
  {
    setting: 'retention.ms',
    severity: 'error',
    isKept: (value) => Number(value) < 0 || Number(value) >= MIN_RETENTION_MS,
    must: `be at least ${MIN_RETENTION_MS} (7 days)`,
    because: 'the topic is the replay buffer while a store is down',
  },
  {
    setting: 'retention.bytes',
    severity: 'warning',
    isKept: (value) => Number(value) < 0,
    must: 'be -1',
    because: 'a bound by size can delete events before seven days are over',
  },
  {
    setting: 'max.message.bytes',
    severity: 'error',
    isKept: (value) => Number(value) <= MAX_MESSAGE_BYTES,
    must: `be at most ${MAX_MESSAGE_BYTES}`,
    because: 'a larger batch could exceed what a worker holds in memory',
  },
  ...DURABILITY,
]

/** What is wrong with a topic of events. */
export function eventTopicFindings(settings: TopicSettings): TopicFinding[] {
  return EVENTS.flatMap((rule) => finding(rule, settings))
}

/** What is wrong with the quarantine topic, given the event topics whose records it must be able to take. */
export function quarantineFindings(
  settings: TopicSettings,
  events: readonly TopicSettings[],
): TopicFinding[] {
  const largest = Math.max(0, ...events.map(({ values }) => Number(values.get('max.message.bytes') ?? 0)))
  const needed = largest + QUARANTINE_OVERHEAD_BYTES
  const size: Rule = {
    setting: 'max.message.bytes',
    severity: 'error',
    isKept: (value) => Number(value) >= needed,
    must: `be at least ${needed}`,
    because: 'the largest record of an event topic must fit with its headers',
  }
  return [size, ...DURABILITY].flatMap((rule) => finding(rule, settings))
}

function finding(
  { setting, severity, isKept, must, because }: Rule,
  settings: TopicSettings,
): TopicFinding[] {
  const { topic } = settings
  const value = settings.values.get(setting)
  if (value === undefined || isKept(value, settings)) return []
  const remedy = `kafka-configs --alter --topic ${topic} --add-config ${setting}=…`
  return [
    {
      topic,
      setting,
      severity,
      message: `${topic}: ${setting} is ${value}, must ${must}: ${because} (${remedy})`,
    },
  ]
}
