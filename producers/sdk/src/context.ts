import { AsyncLocalStorage } from 'node:async_hooks'
import type { ActorInput, RequestInput } from './event/event-input.ts'

/** What `run` gives to every emit inside it. Fields stated at emit win. */
export interface AuditContext {
  readonly tenant?: string | undefined
  readonly actor?: ActorInput | undefined
  readonly request?: RequestInput | undefined
}

const STORAGE = Symbol.for('daybook.sdk.context.v1')

/**
 * One storage for all copies of this package in the process: an application that loads the ESM build and a library
 * that loads the CommonJS build must see the same context.
 */
function sharedStorage(): AsyncLocalStorage<AuditContext> {
  const found: unknown = Reflect.get(globalThis, STORAGE)
  if (isStorage(found)) return found
  const made = new AsyncLocalStorage<AuditContext>()
  Object.defineProperty(globalThis, STORAGE, { value: made })
  return made
}

function isStorage(value: unknown): value is AsyncLocalStorage<AuditContext> {
  return typeof value === 'object' && value !== null && 'getStore' in value && 'run' in value
}

const storage = sharedStorage()

export function currentContext(): AuditContext | undefined {
  return storage.getStore()
}

/** Runs `fn` with `context` on top of the context around it. */
export function runWithContext<T>(context: AuditContext, fn: () => T): T {
  const outer = storage.getStore()
  return storage.run(outer === undefined ? context : { ...outer, ...context }, fn)
}
