import { countOffsets } from '../../operations/log-holes.ts'
import type { Offsets } from '../../operations/log-stretch.ts'

/** Compaction leaves thousands of holes: `--json` has them all. */
const SHOWN = 10

/** The first of some holes of a log, one a line, and how many they are; nothing where there are none. */
export function holeLines(holes: readonly Offsets[]): readonly string[] {
  if (holes.length === 0) return []
  const more = holes.length - SHOWN
  return [
    `Lost from Kafka: ${plural(countOffsets(holes), 'offset')} in ${plural(BigInt(holes.length), 'hole')}.`,
    ...holes.slice(0, SHOWN).map(line),
    ...(more > 0 ? [`  and ${plural(BigInt(more), 'hole')} more`] : []),
  ]
}

function line({ first, last }: Offsets): string {
  return first === last ? `  ${first}` : `  ${first}..${last} (${last - first + 1n})`
}

function plural(count: bigint, noun: string): string {
  return `${count} ${noun}${count === 1n ? '' : 's'}`
}
