import type { Command } from 'commander'
import { DaybookError } from '../schemas/errors.ts'

/**
 * How every command of the `daybook` program behaves: answers on standard output (one JSON value, or one a line,
 * with `--json`; text for people otherwise), progress on standard error and only on a terminal, and these exit
 * codes.
 */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  partly: 3,
  altered: 4,
  interrupted: 130,
} as const

/** For the documentation. */
export const EXIT_MEANING: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'Done.',
  failed:
    'The command failed, something does not answer, a topic is set wrong, or a partition is stopped; standard error says whether to try again.',
  usage: 'The command line or the configuration is wrong; nothing was done.',
  partly: 'It ran, but some of the input was rejected.',
  altered: 'Something in the archive is not what a trusted worker wrote.',
  interrupted: 'Ended by Ctrl-C or SIGTERM.',
}

export interface CommandContext {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Fails when `signal` is aborted. */
  readonly stdin: NodeJS.ReadableStream
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean }
  /** Aborted by Ctrl-C and SIGTERM, and when standard output is closed by its reader. */
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

/** One JSON value as a line, or one line of text. */
export function writeAnswer(
  { stdout }: Pick<CommandContext, 'stdout'>,
  options: { readonly json?: true | undefined },
  value: unknown,
  text: () => string,
): Promise<boolean> {
  return write(stdout, `${options.json === true ? toJson(value) : text()}\n`)
}

export function describeError(error: unknown): string {
  if (!(error instanceof DaybookError)) return error instanceof Error ? error.message : String(error)
  const retry = error.retryable ? `${error.message.endsWith('.') ? '' : '.'} It may be tried again.` : ''
  return `${error.message}${retry}\n${error.code} is explained in docs/errors/${error.code}.md`
}

export function exitCodeOfError(error: unknown): number {
  if (!(error instanceof DaybookError)) return EXIT.failed
  if (/^DAYBOOK_(CONFIG|CLI)_/.test(error.code)) return EXIT.usage
  if (error.code === 'DAYBOOK_EVIDENCE_ALTERED' || error.code === 'DAYBOOK_COLD_CONTRADICTED')
    return EXIT.altered
  return EXIT.failed
}
