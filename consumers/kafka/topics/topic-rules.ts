/** What the cluster says of a topic that decides whether it can be the pipeline's. */
export interface TopicSettings {
  readonly topic: string
  /** As the broker reports them: `cleanup.policy`, `retention.ms`, … */
  readonly values: ReadonlyMap<string, string>
  /** Of the partition that has fewest replicas. */
  readonly replication: number
  /** How many brokers the cluster has. */
  readonly brokers: number
}

export interface TopicFinding {
  readonly topic: string
  /** Empty where the topic itself is the fault: it is missing, or may not be asked. */
  readonly setting: string
  readonly severity: 'error' | 'warning'
  /**
   * What an error means for who reads the topic. `stop`: what is read is not true, so the partitions must wait.
   * `go on`: events may be lost, delayed or held too briefly, and each that is read is one that is safe.
   */
  readonly reading: 'stop' | 'go on'
  /** What is, what must be, why, and the command. */
  readonly message: string
}

const DAY_MS = 86_400_000
/** Kafka is the replay buffer: a store that is down for less than this loses nothing. */
export const MIN_RETENTION_MS = 7 * DAY_MS
/** What is in quarantine waits for a person. */
export const MIN_QUARANTINE_RETENTION_MS = 30 * DAY_MS
/** A batch of one fetch must fit into what a worker holds of all partitions. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024
/** The SDK sends batches of up to 900,000 bytes (`maxBatchBytes`). */
const MIN_MESSAGE_BYTES = 1_000_000
/** What the quarantine's headers add to a record. */
const QUARANTINE_OVERHEAD_BYTES = 64 * 1024

interface Rule {
  readonly setting: string
  readonly severity?: TopicFinding['severity']
  readonly reading?: TopicFinding['reading']
  readonly isKept: (value: string, settings: TopicSettings) => boolean
  readonly must: string
  /** A value that is right, for the command. */
  readonly right: string
  readonly because: string
}

const RULES: readonly Rule[] = [
  {
    setting: 'cleanup.policy',
    isKept: (value) => !value.split(',').some((policy) => policy.trim() === 'compact'),
    must: 'not contain compact',
    right: 'delete',
    because: 'compaction removes records that have the same key',
  },
  {
    setting: 'retention.bytes',
    isKept: (value) => Number(value) < 0,
    must: 'be -1',
    right: '-1',
    because: 'a bound by size can delete records at any age',
  },
  {
    setting: 'min.insync.replicas',
    isKept: (value, { replication }) => replication < 3 || Number(value) >= 2,
    must: 'be at least 2 where a partition has three replicas',
    right: '2',
    because: 'otherwise an acknowledged event may stand on one disk only',
  },
  {
    setting: 'min.insync.replicas',
    isKept: (value, { replication }) => Number(value) <= replication,
    must: 'not be more than there are replicas',
    right: '1',
    because: 'the topic takes no event as it is',
  },
  {
    setting: 'unclean.leader.election.enable',
    isKept: (value, { replication }) => replication < 2 || value === 'false',
    must: 'be false',
    right: 'false',
    because: 'a replica that lags could become leader and cut acknowledged events off',
  },
]

const EVENTS: readonly Rule[] = [
  {
    setting: 'message.timestamp.type',
    reading: 'stop',
    isKept: (value) => value === 'LogAppendTime',
    must: 'be LogAppendTime',
    right: 'LogAppendTime',
    because: 'retention and archive minutes follow the time of the broker, not the clock of a producer',
  },
  retention(MIN_RETENTION_MS, 'the topic is the replay buffer while a store is down'),
  {
    setting: 'max.message.bytes',
    isKept: (value) => Number(value) <= MAX_MESSAGE_BYTES,
    must: `be at most ${MAX_MESSAGE_BYTES}`,
    right: '2097152',
    because: 'larger batches take memory from all partitions of a worker',
  },
  {
    setting: 'max.message.bytes',
    isKept: (value) => Number(value) >= MIN_MESSAGE_BYTES,
    must: `be at least ${MIN_MESSAGE_BYTES}`,
    right: '2097152',
    because: 'the topic refuses the batches that the SDK sends',
  },
  ...RULES,
]

function retention(atLeastMs: number, because: string): Rule {
  return {
    setting: 'retention.ms',
    isKept: (value) => Number(value) < 0 || Number(value) >= atLeastMs,
    must: `be at least ${atLeastMs} (${atLeastMs / DAY_MS} days)`,
    right: String(atLeastMs),
    because,
  }
}

/** What is wrong with a topic of events. */
export function eventTopicFindings(settings: TopicSettings): TopicFinding[] {
  return [...EVENTS.flatMap((rule) => finding(rule, settings)), ...replicationFinding(settings)]
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
    isKept: (value) => Number(value) >= needed,
    must: `be at least ${needed}`,
    right: String(needed),
    because: 'the largest record of an event topic must fit with its headers',
  }
  const kept = retention(MIN_QUARANTINE_RETENTION_MS, 'what is in quarantine waits for a person')
  return [size, kept, ...RULES].flatMap((rule) => finding(rule, settings))
}

function finding(rule: Rule, settings: TopicSettings): TopicFinding[] {
  const { setting, must, right, because } = rule
  const { topic } = settings
  const value = settings.values.get(setting)
  if (value === undefined || rule.isKept(value, settings)) return []
  const remedy = `kafka-configs --bootstrap-server <broker> --alter --topic ${topic} --add-config ${setting}=${right}`
  return [
    {
      topic,
      setting,
      severity: rule.severity ?? 'error',
      reading: rule.reading ?? 'go on',
      message: `${topic}: ${setting} is ${value}, must ${must}: ${because} (${remedy})`,
    },
  ]
}

/** Replicas are no setting, and one broker has room for one only. */
function replicationFinding({ topic, replication, brokers }: TopicSettings): TopicFinding[] {
  if (replication >= 3 || brokers < 3) return []
  const message =
    `${topic}: a partition has ${replication} replicas, should have 3: an acknowledged event may be lost with a ` +
    'broker (kafka-reassign-partitions)'
  return [{ topic, setting: 'replication.factor', severity: 'warning', reading: 'go on', message }]
}
