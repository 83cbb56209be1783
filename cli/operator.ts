import { userInfo } from 'node:os'
import type { Environment } from '../runtime/config.ts'

/** Who is recorded for a decision: the caller's name on this machine. */
export function operatorName(env: Environment): string {
  const stated = env['SUDO_USER'] ?? env['USER']
  if (stated !== undefined && stated !== '') return stated
  try {
    return userInfo().username
  } catch {
    return 'unknown'
  }
}
