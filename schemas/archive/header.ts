/** The metadata of an archive object (docs/formats/archive-object.md): all values are text. */
import type { ArchivePartition } from './key.ts'

/** Why Kafka holds nothing at an offset: the same closed list as in the engine's contracts. */
export const GAP_REASONS = ['control', 'aborted', 'absent', 'lost_accepted', 'quarantined'] as const
export type ArchiveGapReason = (typeof GAP_REASONS)[number]

/** Offsets `first`..`last`, both included. */
export interface ArchiveGap {
  readonly first: bigint
  readonly last: bigint
  readonly reason: ArchiveGapReason
}

/** Both ends included, milliseconds since the Unix epoch. */
export interface TimeSpan {
  readonly min: number
  readonly max: number
}

export interface ArchiveHeader extends ArchivePartition {
  /** Version of the reader that took Kafka's record batches apart; 0 where the object does not name one. */
  readonly readerVersion: number
  readonly logId: string
  /** The key under which the object was written. */
  readonly key: string
  readonly first: bigint
  readonly last: bigint
  readonly counts: { readonly event: number; readonly tombstone: number; readonly quarantined: number }
  readonly gaps: readonly ArchiveGap[]
  readonly appendTime: TimeSpan
  /** Null where the object holds no event. */
  readonly occurredAt: TimeSpan | null
  /** Sorted. Null where there are more than the header lists. */
  readonly tenants: readonly string[] | null
  /** The schema of the rows without `_raw`, exactly as registered. Null where no row needs one. */
  readonly schema: { readonly id: number; readonly text: string } | null
  /** Leaves in the tree before this object. */
  readonly treeSize: bigint
  /** The frontier of the tree before this object. */
  readonly frontier: readonly Uint8Array[]
  /** The compact range of this object's own leaves. */
  readonly ownRange: readonly Uint8Array[]
  /** Root of the tree that ends with this object. */
  readonly root: Uint8Array
  /** Length and SHA-256 of everything behind the container's header. */
  readonly dataBytes: number
  readonly dataSha256: Uint8Array
}

export const FORMAT_VERSION = '1'
/** The two signed notes, which the object note does not cover. */
export const NOTE_FIELDS = { checkpoint: 'daybook.checkpoint', object: 'daybook.note' } as const

/** The header's entries in the order in which they are written. */
export function headerEntries(h: ArchiveHeader): Record<string, string> {
  return {
    'daybook.format': FORMAT_VERSION,
    'daybook.reader': String(h.readerVersion),
    'daybook.log': h.logId,
    'daybook.key': h.key,
    'daybook.topic': h.topic,
    'daybook.topic_id': h.topicId,
    'daybook.partition': String(h.partition),
    'daybook.first': String(h.first),
    'daybook.last': String(h.last),
    'daybook.events': String(h.counts.event),
    'daybook.tombstones': String(h.counts.tombstone),
    'daybook.quarantined': String(h.counts.quarantined),
    'daybook.gaps': JSON.stringify(h.gaps.map((gap) => [String(gap.first), String(gap.last), gap.reason])),
    'daybook.append_time': JSON.stringify([h.appendTime.min, h.appendTime.max]),
    'daybook.occurred_at': JSON.stringify(
      h.occurredAt === null ? null : [h.occurredAt.min, h.occurredAt.max],
    ),
    'daybook.tenants': JSON.stringify(h.tenants),
    ...(h.schema === null
      ? {}
      : { 'daybook.schema_id': String(h.schema.id), 'daybook.schema': h.schema.text }),
    'daybook.tree_size': String(h.treeSize),
    'daybook.frontier': hashesToJson(h.frontier),
    'daybook.own_range': hashesToJson(h.ownRange),
    'daybook.root': Buffer.from(h.root).toString('base64'),
    'daybook.data_bytes': String(h.dataBytes),
    'daybook.data_sha256': Buffer.from(h.dataSha256).toString('base64'),
  }
}

function hashesToJson(hashes: readonly Uint8Array[]): string {
  return JSON.stringify(hashes.map((hash) => Buffer.from(hash).toString('base64')))
}
