import type { World } from '../faults/world.ts'
import { type Arena, openArena } from './arena.ts'
import type { CaseResult, HostileCase } from './hostile-case.ts'
import { emptyCells } from './matrix.ts'
import { runCase } from './run-case.ts'
import { verifyStores } from './verify-stores.ts'

export interface CampaignSummary {
  readonly cases: number
  readonly failed: readonly string[]
  readonly lost: number
  readonly hidden: number
  readonly stoppedOthers: number
  readonly neighbourDelayMsP99: number
  /** Where a whole group shared its partitions anew, and none was a neighbour. */
  readonly groupDelayMsP99: number
  readonly emptyCells: readonly string[]
}

/**
 * Plays cases one after the other: those that leave things as they were share topics and workers, the others get
 * their own. `onResult` is told of each as it ends.
 */
export async function playCases(
  world: World,
  cases: readonly HostileCase[],
  onResult: (result: CaseResult) => void,
): Promise<CaseResult[]> {
  const results: CaseResult[] = []
  const play = async (name: string, group: readonly HostileCase[]): Promise<void> => {
    const arena = await openArena(world, name)
    try {
      for (const hostile of group) {
        const result = await runCase(arena, hostile)
        results.push(result)
        onResult(result)
      }
    } finally {
      await arena.close()
    }
    await checkStores(arena, results, group)
  }
  const prefix = `hostile${Date.now().toString(36)}`
  const shared = cases.filter(({ isolated }) => isolated !== true)
  if (shared.length > 0) await play(`${prefix}-shared`, shared)
  for (const [at, hostile] of cases.filter(({ isolated }) => isolated === true).entries())
    await play(`${prefix}-${at}`, [hostile])
  return results
}

/** Positions say how far the archive came; here its objects are read and every good event is looked for. */
async function checkStores(
  arena: Arena,
  results: CaseResult[],
  group: readonly HostileCase[],
): Promise<void> {
  const faults = await verifyStores(arena)
  const last = results.findIndex(({ name }) => name === group.at(-1)?.name)
  const result = results[last]
  if (faults.length > 0 && result !== undefined)
    results[last] = { ...result, lost: result.lost + faults.length, faults: [...result.faults, ...faults] }
}

export function summaryOf(results: readonly CaseResult[]): CampaignSummary {
  const sum = (of: (result: CaseResult) => number) => results.reduce((total, each) => total + of(each), 0)
  const delay = (some: readonly CaseResult[]) =>
    Math.max(0, ...some.map(({ neighbourDelayMsP99 }) => neighbourDelayMsP99 ?? 0))
  return {
    cases: results.length,
    failed: results.filter(({ faults }) => faults.length > 0).map(({ name }) => name),
    lost: sum(({ lost }) => lost),
    hidden: sum(({ hidden }) => hidden),
    stoppedOthers: sum(({ stoppedOthers }) => stoppedOthers),
    neighbourDelayMsP99: delay(results.filter(({ isOfGroup }) => !isOfGroup)),
    groupDelayMsP99: delay(results.filter(({ isOfGroup }) => isOfGroup)),
    emptyCells: emptyCells(results.flatMap(({ cells }) => cells)),
  }
}
