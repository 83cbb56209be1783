import { DaybookError } from '../schemas/errors.ts'
import type { Clock } from './clock.ts'
import { askRegistry, type RegistryAccess } from './registry-http.ts'

/** What the registry says of an id. */
export type RegistryLookup =
  | {
      readonly state: 'known'
      /** The schema's text exactly as it was registered. */
      readonly text: string
      readonly schemaType: string
    }
  /** The registry said so twice, some time apart. */
  | { readonly state: 'unknown' }

export interface SubjectVersion {
  readonly subject: string
  readonly version: number
}

export interface RegistryReader {
  /**
   * The schema of an id. Known schemas never change, so they are kept; an unknown id is asked again after
   * `negativeTtlMs`. Calls for one id under way share one request.
   * @throws DaybookError DAYBOOK_REGISTRY_UNREACHABLE and DAYBOOK_REGISTRY_BAD_ANSWER (retryable),
   *   DAYBOOK_REGISTRY_FORBIDDEN (not retryable). An id is never called unknown because of a failure.
   */
  schemaById(id: number): Promise<RegistryLookup>
  /** The subjects under which an id stands now. Not cached: a schema may be registered under further subjects. */
  subjectsOf(id: number): Promise<readonly SubjectVersion[]>
}

export interface RegistryReaderOptions extends RegistryAccess {
  readonly clock: Clock
  /** How long "unknown" is believed before the registry is asked again. */
  readonly negativeTtlMs?: number
  /** Pause before an unknown id is asked a second time: a replica may lag behind the one that registered it. */
  readonly confirmDelayMs?: number
  /** Lookups kept; the oldest goes first. */
  readonly maxEntries?: number
}

const DEFAULT_NEGATIVE_TTL_MS = 30_000
const DEFAULT_CONFIRM_DELAY_MS = 250
const DEFAULT_MAX_ENTRIES = 10_000
/** Requests in flight: a flood of made-up ids must not become a flood on the registry. */
const MAX_IN_FLIGHT = 8
/** Registries count ids in a signed 32-bit integer; above, there is nothing to ask. */
const MAX_ID = 0x7fffffff
const NO_SUCH_SCHEMA = 40403

interface Entry {
  readonly lookup: RegistryLookup
  readonly expiresAt: number
}

export function createRegistryReader(options: RegistryReaderOptions): RegistryReader {
  const { clock } = options
  const negativeTtlMs = options.negativeTtlMs ?? DEFAULT_NEGATIVE_TTL_MS
  const maxEntries = options.maxEntries ?? DEFAULT_MAX_ENTRIES
  const entries = new Map<number, Entry>()
  const underWay = new Map<number, Promise<RegistryLookup>>()
  const limited = createLimit(MAX_IN_FLIGHT)

  async function ask(id: number): Promise<RegistryLookup> {
    const path = `/schemas/ids/${id}`
    const answer = await limited(() => askRegistry(options, path))
    if (answer.status === 404 && answer.errorCode === NO_SUCH_SCHEMA) return { state: 'unknown' }
    const { body } = answer
    if (answer.status !== 200 || typeof body !== 'object' || body === null)
      throw unexpected(path, answer.status)
    if (!('schema' in body) || typeof body.schema !== 'string') throw unexpected(path, answer.status)
    const schemaType = 'schemaType' in body && typeof body.schemaType === 'string' ? body.schemaType : 'AVRO'
    return { state: 'known', text: body.schema, schemaType }
  }

  async function askTwice(id: number): Promise<RegistryLookup> {
    const first = await ask(id)
    if (first.state === 'known') return first
    await clock.sleep(options.confirmDelayMs ?? DEFAULT_CONFIRM_DELAY_MS)
    return ask(id)
  }

  function remember(id: number, lookup: RegistryLookup): void {
    const expiresAt = lookup.state === 'known' ? Number.POSITIVE_INFINITY : clock.now() + negativeTtlMs
    entries.delete(id)
    entries.set(id, { lookup, expiresAt })
    for (const oldest of entries.keys()) {
      if (entries.size <= maxEntries) break
      entries.delete(oldest)
    }
  }

  return {
    async schemaById(id) {
      if (id > MAX_ID) return { state: 'unknown' }
      const entry = entries.get(id)
      if (entry !== undefined && entry.expiresAt > clock.now()) return entry.lookup
      const running = underWay.get(id)
      if (running !== undefined) return running
      const lookup = askTwice(id).finally(() => underWay.delete(id))
      underWay.set(id, lookup)
      const found = await lookup
      remember(id, found)
      return found
    },
    async subjectsOf(id) {
      const path = `/schemas/ids/${id}/versions`
      const answer = await limited(() => askRegistry(options, path))
      if (answer.status === 404 && answer.errorCode === NO_SUCH_SCHEMA) return []
      if (answer.status !== 200 || !Array.isArray(answer.body)) throw unexpected(path, answer.status)
      return answer.body.filter(isSubjectVersion)
    },
  }
}

function isSubjectVersion(value: unknown): value is SubjectVersion {
  if (typeof value !== 'object' || value === null || !('subject' in value) || !('version' in value))
    return false
  return typeof value.subject === 'string' && typeof value.version === 'number'
}

/** Runs at most `max` tasks at a time; the others wait in order. */
function createLimit(max: number): <T>(task: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let running = 0
  return async (task) => {
    if (running < max) running++
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await task()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }
}

function unexpected(path: string, status: number): DaybookError {
  return new DaybookError(
    'DAYBOOK_REGISTRY_BAD_ANSWER',
    `The schema registry's answer to ${path} (${status}) holds no schema. Check DAYBOOK_REGISTRY_URL, its path included.`,
    { retryable: true, details: { path, status } },
  )
}
