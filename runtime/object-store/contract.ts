/**
 * The object storage that the archive lives in. Everything is by version: a lock protects versions, not names, so a
 * key may get a newer version or a delete marker while the first version stays. What was written first counts.
 */

/** What a store holds under one key. */
export interface StoredKey {
  readonly key: string
  /** Real versions, oldest first; may be empty where only delete markers are left. */
  readonly versions: readonly StoredVersion[]
  readonly deleteMarkers: number
}

export interface StoredVersion {
  readonly versionId: string
  readonly sizeBytes: number
}

/** A group of keys that share their beginning up to the delimiter. */
export interface StoredGroup {
  readonly group: string
}

export type ListEntry = StoredKey | StoredGroup

export interface ListRequest {
  readonly prefix: string
  /** Only keys after this one, in byte order. */
  readonly after?: string
  /** Keys that go on beyond this character behind the prefix are given as one group. */
  readonly delimiter?: '/' | '-'
}

export interface CreateRequest {
  readonly key: string
  /** The body, in pieces. */
  readonly pieces: readonly Buffer[]
  readonly contentType: string
  /** The version is locked in COMPLIANCE mode until then. */
  readonly retainUntil: Date
  /** Called when half of the body, and when all but its last byte, is on the wire. For tests. */
  readonly onProgress?: (sent: 'half' | 'all-but-last') => Promise<void> | undefined
}

export type CreateOutcome =
  /** Durable and locked. */
  | { readonly kind: 'created'; readonly versionId: string }
  /** The key has a version already; nothing was written. */
  | { readonly kind: 'exists' }
  /** Another writer is at this key right now; nothing was written. Try again. */
  | { readonly kind: 'conflict' }

export interface ObjectLock {
  readonly mode: string | null
  readonly retainUntil: Date | null
}

/**
 * All methods throw DaybookError: DAYBOOK_S3_UNAVAILABLE (retryable; after `create` it means that the object may or
 * may not exist), DAYBOOK_S3_FORBIDDEN, DAYBOOK_S3_REFUSED, DAYBOOK_S3_NOT_FOUND.
 */
export interface ObjectStore {
  /** Writes an object only if its key has none. Never tries again by itself. */
  create(request: CreateRequest, signal?: AbortSignal): Promise<CreateOutcome>
  /** Keys in byte order (within a page, groups follow keys). */
  list(request: ListRequest, signal?: AbortSignal): AsyncGenerator<ListEntry>
  /** One version, or its first `maxBytes` bytes. */
  read(
    o: { readonly key: string; readonly versionId: string; readonly maxBytes?: number },
    signal?: AbortSignal,
  ): Promise<Buffer>
  lockOf(o: { readonly key: string; readonly versionId: string }, signal?: AbortSignal): Promise<ObjectLock>
  /** Whether the bucket was made with Object Lock, without which no object can be locked. */
  hasObjectLock(signal?: AbortSignal): Promise<boolean>
  close(): void
}
