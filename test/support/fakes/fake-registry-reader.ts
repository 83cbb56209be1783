import type { FoundSchema, RegisteredVersion, RegistryReader } from '../../../runtime/registry.ts'

/** A registry in memory: versions are numbered from 1, in the order in which they are registered. */
export class FakeRegistryReader implements RegistryReader {
  /** What was asked: `subject` or `subject/version`. */
  readonly asked: string[] = []
  /** Thrown at each request while it is set. */
  fault: Error | null = null
  readonly #hidden = new Set<string>()
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

  async byId(id: number): Promise<FoundSchema | null> {
    this.#ask(`#${id}`)
    const places = [...this.#subjects].filter(([, versions]) => versions.some((one) => one?.id === id))
    const found = places.flatMap(([, versions]) => versions).find((one) => one?.id === id)
    return found ? { ...found, subjects: places.map(([subject]) => subject) } : null
  }

  async versions(subject: string): Promise<readonly number[]> {
    this.#ask(subject)
    return (this.#subjects.get(subject) ?? []).map((_, at) => at + 1)
  }

  async version(subject: string, version: number): Promise<RegisteredVersion | null> {
    this.#ask(`${subject}/${version}`)
    return this.#hidden.has(subject) ? null : (this.#subjects.get(subject)?.[version - 1] ?? null)
  }

  #ask(what: string): void {
    this.asked.push(what)
    if (this.fault !== null) throw this.fault
  }
}
