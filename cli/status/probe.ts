import { DaybookError } from '../../schemas/errors.ts'

/** Whether a server answers. */
export type Answer =
  | { readonly ok: true; readonly ms: number }
  | { readonly ok: false; readonly error: string }

/** What `ask` gives, and how long it took; an error, or no answer within `timeoutMs`, is an answer too. */
export async function probe<T>(
  ask: () => Promise<T>,
  timeoutMs: number,
): Promise<{ readonly answer: Answer; readonly value: T | null }> {
  const startedAt = Date.now()
  const timer: { id?: NodeJS.Timeout } = {}
  const late = new Promise<never>((_resolve, reject) => {
    timer.id = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    const value = await Promise.race([ask(), late])
    return { answer: { ok: true, ms: Date.now() - startedAt }, value }
  } catch (error) {
    return { answer: { ok: false, error: textOf(error) }, value: null }
  } finally {
    clearTimeout(timer.id)
  }
}

function textOf(error: unknown): string {
  if (error instanceof DaybookError) return `${error.code}: ${error.message}`
  return error instanceof Error ? error.message : String(error)
}
