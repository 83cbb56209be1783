import { isSettled, type Truth, type VerifyTarget } from './verify/verify-run.ts'

const PAUSE_MS = 200

/** Resolves when both stores hold as much as there is, or after `timeoutMs`: the comparison says what is missing. */
export async function settle(
  target: VerifyTarget,
  truths: readonly Truth[],
  timeoutMs: number,
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (Date.now() < deadline) {
    if (await isSettled(target, truths)) return
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
}
