/** Who attacks, or makes a mistake with the same credential. */
export const ACTORS = [
  'producer',
  'registry user',
  'topic admin',
  'database user',
  'bucket user',
  'application',
  'local user',
] as const
export type Actor = (typeof ACTORS)[number]

/** What it does to what others wrote. */
export const EFFECTS = ['stop', 'delay', 'hide', 'falsify', 'grow'] as const
export type Effect = (typeof EFFECTS)[number]

/** `<actor>/<what it can touch>/<effect>` */
export type CellName = `${Actor}/${string}/${Effect}`

/** What each actor can touch, and which part of the work fills the cells: later parts have none yet. */
const TOUCHES: readonly { readonly actor: Actor; readonly touches: string; readonly part: 1 | 2 | 3 }[] = [
  { actor: 'producer', touches: 'record batches', part: 1 },
  { actor: 'producer', touches: 'records', part: 1 },
  { actor: 'producer', touches: 'schema ids', part: 1 },
  { actor: 'producer', touches: 'quarantine topic', part: 1 },
  { actor: 'registry user', touches: 'schemas', part: 1 },
  { actor: 'topic admin', touches: 'topic settings', part: 1 },
  { actor: 'topic admin', touches: 'topics and partitions', part: 1 },
  { actor: 'topic admin', touches: 'consumer groups', part: 1 },
  { actor: 'application', touches: 'emit', part: 2 },
  { actor: 'local user', touches: 'local servers', part: 2 },
  { actor: 'local user', touches: 'spool', part: 2 },
  { actor: 'database user', touches: 'tables', part: 3 },
  { actor: 'bucket user', touches: 'objects', part: 3 },
]

/**
 * Cells that nobody can fill, and why. Everything else in a part that is done needs at least one case.
 */
const IMPOSSIBLE: ReadonlyMap<CellName, string> = new Map<CellName, string>([
  ['producer/quarantine topic/stop', 'nobody reads the quarantine topic but the command line'],
  ['producer/quarantine topic/delay', 'nobody reads the quarantine topic but the command line'],
  ['producer/quarantine topic/hide', 'the archive holds quarantined bytes in place'],
  ['registry user/schemas/falsify', 'stored bytes name the schema id; its text is in every archive object'],
  ['topic admin/consumer groups/hide', 'committed offsets are never read'],
  ['topic admin/consumer groups/falsify', 'committed offsets are never read'],
  ['topic admin/consumer groups/grow', 'a commit takes a fixed place'],
  ['topic admin/topic settings/falsify', 'settings change no bytes of a record'],
  ['topic admin/topic settings/grow', 'settings add no records'],
  ['topic admin/topics and partitions/grow', 'partitions without records take nothing in the stores'],
])

/** The parts whose cells must be filled now. */
const DONE_PARTS: readonly number[] = [1]

/** Every cell that needs a case. */
export function neededCells(): CellName[] {
  return TOUCHES.filter(({ part }) => DONE_PARTS.includes(part))
    .flatMap(({ actor, touches }) => EFFECTS.map((effect): CellName => `${actor}/${touches}/${effect}`))
    .filter((cell) => !IMPOSSIBLE.has(cell))
}

export function emptyCells(filled: Iterable<CellName>): CellName[] {
  const seen = new Set(filled)
  return neededCells().filter((cell) => !seen.has(cell))
}
