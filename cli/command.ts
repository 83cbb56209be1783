import type { Command } from 'commander'
import { DaybookError } from '../schemas/errors.ts'

/**
 * How every command of the `daybook` program behaves: answers on standard output (one JSON value, or one a line,
 * with `--json`; text for people otherwise), progress on standard error and only on a terminal, and these exit
 * codes.
 */
export const EXIT = {
  ok: 0,
  /** The command failed; try again if the error says that it is retryable. */
  failed: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
  /** It ran, but some of the input was rejected. */
  partly: 3,
} as const

export interface CommandContext {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: NodeJS.ReadableStream
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean }
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal
  setExitCode(code: number): void
}

/** A file of this folder adds its commands to the program. */
export type Register = (program: Command, context: CommandContext) => void

/** Writes without running ahead of a slow reader. Resolves false when the reader has gone (`| head`). */
export function write(stream: NodeJS.WritableStream, text: string | Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    if (!stream.writable) return resolve(false)
    stream.write(text, (error) => resolve(error === null || error === undefined))
  })
}

/** JSON with offsets and counts beyond 2^53 as decimal strings. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? item.toString() : item))
}

export function describeError(error: unknown): string {
  if (!(error instanceof DaybookError)) return error instanceof Error ? error.message : String(error)
  const retry = error.retryable ? ' It may be tried again.' : ''
  return `${error.message}${retry}\n${error.code} is explained in docs/errors/${error.code}.md`
}
