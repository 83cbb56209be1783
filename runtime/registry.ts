import { DaybookError } from '../schemas/errors.ts'
import { askRegistry, type RegistryAccess, type RegistryAnswer } from './registry-http.ts'

/** A version of a subject, as it was registered. */
export interface RegisteredVersion {
  readonly id: number
  /** Exactly as it was registered. */
  readonly text: string
  readonly schemaType: string
}

/**
 * Reads what stands under subjects. Versions that were deleted softly are read like the others: records that were
 * written with them are as good as before.
 *
 * @throws DaybookError, all methods: DAYBOOK_REGISTRY_UNREACHABLE, DAYBOOK_REGISTRY_BAD_ANSWER and
 *   DAYBOOK_REGISTRY_ANSWER_TOO_LARGE (retryable), DAYBOOK_REGISTRY_FORBIDDEN (not retryable, scope worker). Nothing
 *   is called absent because of a failure.
 */
export interface RegistryReader {
  /** The numbers of a subject's versions, in no order; none where the registry says that there is no such subject. */
  versions(subject: string): Promise<readonly number[]>
  /**
   * One version; null where it is gone, is too large to be one that anything is written with, or where the registry
   * lists it but does not show it (Apicurio: the whole subject was deleted softly).
   */
  version(subject: string, version: number): Promise<RegisteredVersion | null>
  /** What an id stands for, and under which subjects, deleted ones included; null where there is no such id. */
  byId(id: number): Promise<FoundSchema | null>
}

export interface FoundSchema {
  /** Null where it is too large to be one that anything is written with. */
  readonly text: string | null
  readonly schemaType: string
  readonly subjects: readonly string[]
}

/** Requests in flight: a subject with many versions must not become a flood on the registry. */
const MAX_IN_FLIGHT = 8
const NO_SUCH_SUBJECT = 40401
const NO_SUCH_VERSION = 40402
const NO_SUCH_SCHEMA = 40403
/** Registries count ids in a signed 32-bit integer; above, there is nothing to ask. */
const MAX_ID = 0x7fffffff

export function createRegistryReader(access: RegistryAccess): RegistryReader {
  const limited = createLimit(MAX_IN_FLIGHT)

  return {
    async versions(subject) {
      const path = `/subjects/${encodeURIComponent(subject)}/versions?deleted=true`
      const answer = await limited(() => askRegistry(access, path))
      if (isAbsent(answer, NO_SUCH_SUBJECT)) return []
      const { status, body } = answer
      if (status !== 200 || !Array.isArray(body) || !body.every(isCount)) throw unexpected(path, status)
      return body
    },
    async version(subject, version) {
      const path = `/subjects/${encodeURIComponent(subject)}/versions/${version}?deleted=true`
      const answer = await limited(() => askRegistry(access, path)).catch(nullIfTooLarge)
      if (answer === null || isAbsent(answer, NO_SUCH_SUBJECT, NO_SUCH_VERSION)) return null
      const { status, body } = answer
      if (typeof body !== 'object' || body === null || !('id' in body) || !isCount(body.id))
        throw unexpected(path, status)
      return { id: body.id, ...schemaIn(path, answer) }
    },
    async byId(id) {
      if (id > MAX_ID) return null
      const path = `/schemas/ids/${id}`
      const places = await limited(() => askRegistry(access, `${path}/versions?deleted=true`))
      if (isAbsent(places, NO_SUCH_SCHEMA)) return null
      if (places.status !== 200 || !Array.isArray(places.body)) throw unexpected(path, places.status)
      const answer = await limited(() => askRegistry(access, path)).catch(nullIfTooLarge)
      const subjects = places.body.flatMap(subjectIn)
      if (answer === null) return { text: null, schemaType: 'AVRO', subjects }
      if (isAbsent(answer, NO_SUCH_SCHEMA)) return null
      return { ...schemaIn(path, answer), subjects }
    },
  }
}

function schemaIn(
  path: string,
  { status, body }: RegistryAnswer,
): { readonly text: string; readonly schemaType: string } {
  if (status !== 200 || typeof body !== 'object' || body === null) throw unexpected(path, status)
  if (!('schema' in body) || typeof body.schema !== 'string') throw unexpected(path, status)
  const schemaType = 'schemaType' in body && typeof body.schemaType === 'string' ? body.schemaType : 'AVRO'
  return { text: body.schema, schemaType }
}

function subjectIn(place: unknown): string[] {
  if (typeof place !== 'object' || place === null || !('subject' in place)) return []
  return typeof place.subject === 'string' ? [place.subject] : []
}

function isAbsent({ status, errorCode }: RegistryAnswer, ...codes: readonly number[]): boolean {
  return status === 404 && errorCode !== null && codes.includes(errorCode)
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function nullIfTooLarge(error: unknown): null {
  if (error instanceof DaybookError && error.code === 'DAYBOOK_REGISTRY_ANSWER_TOO_LARGE') return null
  throw error
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
    `The schema registry's answer to ${path} (${status}) is not what was asked for. Check DAYBOOK_REGISTRY_URL, its path included.`,
    { retryable: true, details: { path, status } },
  )
}
