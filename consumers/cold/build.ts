import { signCheckpoint } from '../../proof/checkpoint.ts'
import { mergeRanges, rangeOfLeaves, rootOf } from '../../proof/compact-range.ts'
import { HASH_BYTES, type ProofCrypto, type Signer } from '../../proof/crypto.ts'
import type { LeafHasher } from '../../proof/leaf.ts'
import { signNote } from '../../proof/note.ts'
import { objectNoteText } from '../../proof/object-note.ts'
import { LoopTurn } from '../../runtime/loop-turn.ts'
import type { ArchiveHeader } from '../../schemas/archive/header.ts'
import { objectKey } from '../../schemas/archive/key.ts'
import { encodeObjectHeader, signedEntries, syncMarker } from '../../schemas/archive/object.ts'
import { packRows } from '../../schemas/archive/row-writer.ts'
import type { ContainerCodec } from '../../schemas/container.ts'
import type { Range } from '../engine/contracts.ts'
import { minuteOfRange } from './minute.ts'
import { RangeSummary } from './range-summary.ts'
import { baseSchemaOf, kindOf, rowsOf } from './rows.ts'
import type { TreeState } from './tree-state.ts'
import type { WriterSchemas } from './writer-schemas.ts'

export interface BuildOptions {
  readonly logId: string
  readonly hasher: LeafHasher
  readonly schemas: WriterSchemas
  readonly signer: Signer
  readonly crypto: ProofCrypto
  readonly readerVersion: number
  readonly codec: ContainerCodec
  readonly level?: number
  /** Rows of a block before packing. */
  readonly blockBytes: number
}

export interface BuiltObject {
  readonly key: string
  /** The file's bytes. */
  readonly pieces: readonly Buffer[]
  /** Leaf hashes of the range's records, concatenated. */
  readonly leaves: Uint8Array
  /** The state of the archive once this object is in it. */
  readonly after: TreeState
}

/** So many bytes are hashed in a millisecond or a few, and so many records of a few bytes. */
const BYTES_A_TURN = 1024 * 1024
const LEAVES_A_TURN = 1_024

/** Makes the object of `range`, which begins where `before` ends. Signs it; so call it only for such a range. */
export async function buildObject(range: Range, before: TreeState, o: BuildOptions): Promise<BuiltObject> {
  const lastRecord = range.records.at(-1)
  if (lastRecord === undefined) throw new RangeError('a range has at least one record')
  const minute = minuteOfRange(range, before)
  const key = objectKey({ ...range.partition, minute, first: range.first })
  // A range may hold a hundred thousand records, or one of megabytes: heartbeats and other partitions have their turns.
  const turn = new LoopTurn()
  const leaves = await leavesOf(range, o.hasher, turn)
  const tree = grow(before, leaves, o.crypto)
  await turn.giveWay()
  const packed = pack(range, await baseSchemaOf(range, o.schemas), o)
  const header: ArchiveHeader = {
    ...range.partition,
    ...packed.summary.result(),
    ...tree.fields,
    readerVersion: o.readerVersion,
    logId: o.logId,
    key,
    first: range.first,
    last: range.last,
    gaps: range.gaps,
    schema: packed.schema,
    dataBytes: packed.bytes,
    dataSha256: packed.sha256,
  }
  const size = before.frontier.end + BigInt(range.records.length)
  const checkpoint = { origin: o.logId, size, root: tree.fields.root }
  const lastHash = Buffer.from(leaves.subarray(leaves.length - HASH_BYTES))
  return {
    key,
    pieces: [signedHeader(header, packed, checkpoint, o), ...packed.pieces],
    leaves,
    after: {
      last: range.last,
      lastRecord: { offset: lastRecord.record.offset, hash: lastHash, kind: kindOf(lastRecord) },
      minute,
      quietMinute: minute,
      frontier: tree.frontier,
      key,
    },
  }
}

async function leavesOf({ records }: Range, hasher: LeafHasher, turn: LoopTurn): Promise<Uint8Array> {
  const leaves = new Uint8Array(records.length * HASH_BYTES)
  let at = 0
  let bytes = 0
  for (const { record } of records) {
    hasher.hashInto(record, leaves, at)
    at += HASH_BYTES
    bytes += record.size
    if (bytes < BYTES_A_TURN && at % (LEAVES_A_TURN * HASH_BYTES) !== 0) continue
    bytes = 0
    await turn.giveWay()
  }
  return leaves
}

function grow(before: TreeState, leaves: Uint8Array, crypto: ProofCrypto) {
  const own = rangeOfLeaves(before.frontier.end, leaves, crypto.sha256)
  const frontier = mergeRanges(before.frontier, own, crypto.sha256)
  return {
    frontier,
    fields: {
      treeSize: before.frontier.end,
      frontier: before.frontier.hashes,
      ownRange: own.hashes,
      root: rootOf(frontier, crypto.sha256),
    },
  }
}

function pack(range: Range, base: number | null, o: BuildOptions) {
  const { registered, rowSchemaJson } = o.schemas.of(base)
  const sync = syncMarker({ logId: o.logId, first: range.first, last: range.last })
  const summary = new RangeSummary()
  const packed = packRows(rowsOf(range, { base, schemas: o.schemas, summary }), {
    codec: o.codec,
    sync,
    blockBytes: o.blockBytes,
    ...(o.level === undefined ? {} : { level: o.level }),
  })
  const schema = registered === null ? null : { id: registered.id, text: registered.text }
  return { ...packed, summary, schema, schemaJson: rowSchemaJson, sync }
}

function signedHeader(
  header: ArchiveHeader,
  packed: { readonly schemaJson: string; readonly sync: Buffer },
  checkpoint: { readonly origin: string; readonly size: bigint; readonly root: Uint8Array },
  o: BuildOptions,
): Buffer {
  const { schemaJson, sync } = packed
  const entries = signedEntries({ header, schemaJson, codec: o.codec })
  const { sha256 } = o.crypto
  const text = objectNoteText(o.logId, entries, sha256)
  return encodeObjectHeader({
    header,
    schemaJson,
    codec: o.codec,
    sync,
    checkpointNote: signCheckpoint(checkpoint, o.signer, sha256),
    objectNote: signNote({ text, keyName: o.logId, signer: o.signer, sha256 }),
  })
}
