import { DaybookError } from '../schemas/errors.ts'

/** How a process ends. The numbers follow sysexits(3) where it has a word for the case. */
export const EXIT = {
  ok: 0,
  fault: 70,
  unavailable: 75,
  denied: 77,
  config: 78,
  stopTimeout: 124,
} as const

/** For the documentation. */
export const EXIT_MEANING: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'Ended as it was told to, everything delivered; or `--check-config` found nothing wrong.',
  fault: 'A fault of the program, or a contradiction between Kafka and a store: look before you restart.',
  unavailable:
    'A dependency did not answer `--check-config`, or was away for too long: a restart is the cure, once it answers.',
  denied: 'A dependency refuses the credentials or the operation.',
  config: 'The configuration, or a topic or bucket, is not as it must be.',
  stopTimeout: 'The stop time-out passed before everything was delivered; nothing is lost, it is read again.',
}

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
