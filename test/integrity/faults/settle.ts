import { waitUntil } from '../../../runtime/wait-until.ts'
import { isSettled, type Truth, type VerifyTarget } from './verify/verify-run.ts'

const PAUSE_MS = 200

/** Resolves when both stores hold as much as there is, or after `timeoutMs`: the comparison says what is missing. */
export async function settle(
  target: VerifyTarget,
  truths: readonly Truth[],
  timeoutMs: number,
): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs)
  await waitUntil(() => isSettled(target, truths), Boolean, { pauseMs: PAUSE_MS, signal }).catch((error) => {
    if (!signal.aborted) throw error
  })
}
