import type { FoundSchema, RegisteredVersion, RegistryReader } from '../../../runtime/registry.ts'

/** A registry in memory: versions are numbered from 1, in the order in which they are registered. */
export class FakeRegistryReader implements RegistryReader {
  /** What was asked: `subject` or `subject/version`. */
  readonly asked: string[] = []
  /** Thrown at each request while it is set. */
  fault: Error | null = null
  readonly #hidden = new Set<string>()
  readonly #tooLarge = new Set<number>()
  readonly #subjects = new Map<string, (RegisteredVersion | null)[]>()

  register(subject: string, id: number, text: string, schemaType = 'AVRO'): void {
    const versions = this.#subjects.get(subject) ?? []
    this.#subjects.set(subject, [...versions, { id, text, schemaType }])
  }

  /** As a hard deletion of the whole subject does. */
  destroy(subject: string): void {
    this.#subjects.delete(subject)
  }

  /** As Apicurio does it when a whole subject is deleted softly: versions are listed, but not shown. */
  hide(subject: string): void {
    this.#hidden.add(subject)
  }

  /** As a schema that is larger than an answer may be. */
  enlarge(id: number): void {
    this.#tooLarge.add(id)
  }

  async byId(id: number): Promise<FoundSchema | null> {
    this.#ask(`#${id}`)
    const places = [...this.#subjects].filter(([, versions]) => versions.some((one) => one?.id === id))
    const found = places.flatMap(([, versions]) => versions).find((one) => one?.id === id)
    if (found == null) return null
    const subjects = places.map(([subject]) => subject)
    return { ...found, text: this.#tooLarge.has(id) ? null : found.text, subjects }
  }

  async versions(subject: string): Promise<readonly number[]> {
    this.#ask(subject)
    return (this.#subjects.get(subject) ?? []).map((_, at) => at + 1)
  }

  async version(subject: string, version: number): Promise<RegisteredVersion | null> {
    this.#ask(`${subject}/${version}`)
    const found = this.#subjects.get(subject)?.[version - 1] ?? null
    return this.#hidden.has(subject) || this.#tooLarge.has(found?.id ?? -1) ? null : found
  }

  #ask(what: string): void {
    this.asked.push(what)
    if (this.fault !== null) throw this.fault
  }
}
