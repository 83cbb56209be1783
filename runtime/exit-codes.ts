import { DaybookError } from '../schemas/errors.ts'

/** How a process ends. The numbers follow sysexits(3) where it has a word for the case. */
export const EXIT = {
  ok: 0,
  /** A fault of the program, or a contradiction between Kafka and a store: look before you restart. */
  fault: 70,
  /** A dependency could not be reached for too long, or the group was lost: a restart is the cure. */
  unavailable: 75,
  /** A dependency refuses the credentials or the operation. */
  denied: 77,
  /** The configuration, or a topic or bucket, is not as it must be. */
  config: 78,
  /** The stop time-out passed before everything was delivered; nothing is lost, it is read again. */
  stopTimeout: 124,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** The exit code for the error that ended a process. */
export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof DaybookError)) return EXIT.fault
  if (error.retryable) return EXIT.unavailable
  if (/_(UNAUTHORIZED|FORBIDDEN|DENIED)$/.test(error.code)) return EXIT.denied
  if (
    /^DAYBOOK_CONFIG_|_(CONFIG|SETTINGS|PORT|TOO_OLD|CLIENT_VERSION|TOPIC_MISSING|GROUP_REFUSED)$/.test(
      error.code,
    )
  )
    return EXIT.config
  return EXIT.fault
}
