import type { ProofCrypto, Signer } from '../../proof/crypto.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Failpoints } from '../../runtime/failpoints.ts'
import type { ObjectStore } from '../../runtime/object-store/contract.ts'
import type { ContainerCodec } from '../../schemas/container.ts'
import type { PartitionRef } from '../engine/contracts.ts'
import type { ByteGate } from './byte-gate.ts'
import type { ArchiveCatalogue } from './writer-schemas.ts'

/** Something in the store that our writers cannot have made. Readers go on with the oldest version. */
export interface TamperingReport {
  readonly kind: 'second_version' | 'delete_marker'
  readonly key: string
  readonly versions: number
  readonly deleteMarkers: number
}

/** What reading and writing a partition's archive needs. */
export interface ColdContext {
  readonly store: ObjectStore
  /** `<org>/<env>/<cluster-id>/<topic>/<topic-id>/<partition>`: see `logIdOf` in schemas/archive. */
  readonly logIdOf: (partition: PartitionRef) => string
  readonly signer: Signer
  /** Public keys, 32 bytes each, whose signatures count besides the signer's own: those of earlier workers. */
  readonly trustedKeys?: readonly Uint8Array[]
  readonly crypto: ProofCrypto
  /** Milliseconds for which objects of a topic are locked, from their minute on. */
  readonly retentionMsOf: (topic: string) => number
  readonly clock: Clock
  readonly onTampering: (report: TamperingReport) => void
}

/** A context to write objects in. */
export interface ColdWriterContext extends ColdContext {
  /**
   * Version of the reader that takes Kafka's record batches apart. Two versions may see different records in a batch
   * that is not as it should be, so a worker yields to the newer one.
   */
  readonly readerVersion: number
  /** Bounds the memory of objects that are read. */
  readonly reads: ByteGate
}

export interface ColdSinkOptions extends Omit<ColdWriterContext, 'reads'> {
  readonly catalogue: ArchiveCatalogue
  readonly failpoints: Failpoints
  /** Default zstandard. */
  readonly codec?: ContainerCodec
  /** Of the codec. Default 1 for zstandard, 6 for deflate. */
  readonly level?: number
  /** Rows of one block before packing, in bytes. Default 512 KiB. */
  readonly blockBytes?: number
  /** Objects on their way at the same time, in one delivery. Default 8. */
  readonly parallelPuts?: number
  /** What the ranges hold whose objects are on their way, over all deliveries; one may exceed it. Default 32 MiB. */
  readonly memoryBytes?: number
}

export function trustedKeys(context: ColdContext): readonly Uint8Array[] {
  return [context.signer.publicKey, ...(context.trustedKeys ?? [])]
}
