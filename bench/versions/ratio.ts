import { spreadOf } from '../measure/stats.ts'

/** Two-sided 95 % quantile of Student's t distribution for 19 degrees of freedom; for more it is smaller. */
const T_95 = 2.093
/** With fewer pairs the quantile above would be too small. */
const LEAST_PAIRS = 20

/** Ratio now / before over pairs: geometric mean with its 95 % interval. */
export function ratioOf(costs: readonly { readonly before: number; readonly now: number }[]) {
  const logs = costs.map(({ before, now }) => Math.log(now / before))
  const mean = logs.reduce((sum, each) => sum + each, 0) / logs.length
  const variance = logs.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (logs.length - 1)
  const half = T_95 * Math.sqrt(variance / logs.length)
  return {
    cpuMicrosPerEvent: {
      before: spreadOf(costs.map(({ before }) => before)).median,
      now: spreadOf(costs.map(({ now }) => now)).median,
    },
    ratio: Math.exp(mean),
    interval95: costs.length < LEAST_PAIRS ? null : [Math.exp(mean - half), Math.exp(mean + half)],
  }
}
