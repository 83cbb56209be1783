import { createHash } from 'node:crypto'
import {
  GetObjectCommand,
  GetObjectLockConfigurationCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { DaybookError } from '../../schemas/errors.ts'
import { systemClock } from '../clock.ts'
import { type RetryPolicy, retry } from '../retry.ts'
import type {
  CreateOutcome,
  CreateRequest,
  ListEntry,
  ListRequest,
  ObjectLock,
  ObjectStore,
  StoredVersion,
} from './contract.ts'
import { PiecesBody } from './s3-body.ts'
import { httpStatus, s3Fault } from './s3-faults.ts'

export interface S3StoreOptions {
  readonly bucket: string
  /** Null: AWS's own for the region. */
  readonly endpoint: string | null
  readonly region: string
  /** Both null: from where AWS's clients usually take them (environment, profile, web identity, container, instance). */
  readonly accessKeyId: string | null
  readonly secretAccessKey: string | null
  /** `http://host/bucket/key` instead of `http://bucket.host/key`. */
  readonly forcePathStyle: boolean
  /** A request that shows no progress for so long has failed. Default 30,000. */
  readonly requestTimeoutMs?: number
}

/** A connection that was kept open may break at the next request, and a gateway answers 503 now and then. */
const READ_RETRY: RetryPolicy = { baseDelayMs: 100, maxDelayMs: 400, deadlineMs: 1_000 }

/** What S3 answers for a bucket that was made without a lock. */
const NO_LOCK = 'ObjectLockConfigurationNotFoundError'

const silence = () => undefined
const SILENT = { debug: silence, info: silence, warn: silence, error: silence }

export function createS3Store(options: S3StoreOptions): ObjectStore {
  const timeoutMs = options.requestTimeoutMs ?? 30_000
  const client = new S3Client({
    region: options.region,
    ...(options.endpoint === null ? {} : { endpoint: options.endpoint }),
    forcePathStyle: options.forcePathStyle,
    ...credentialsOf(options),
    // None for a creation: before another attempt the caller has to look what the first one did.
    maxAttempts: 1,
    // Every failure is thrown; the client would also print some of them.
    logger: SILENT,
    requestHandler: {
      connectionTimeout: 5_000,
      requestTimeout: timeoutMs,
      throwOnRequestTimeout: true,
      socketTimeout: timeoutMs,
    },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
  return new S3Store(client, options.bucket)
}

/** Without configured credentials the client uses AWS's default sources, and renews what it got before it expires. */
function credentialsOf({ accessKeyId, secretAccessKey }: S3StoreOptions) {
  if (accessKeyId === null || secretAccessKey === null) return {}
  return { credentials: { accessKeyId, secretAccessKey } }
}

class S3Store implements ObjectStore {
  readonly #client: S3Client
  readonly #bucket: string

  constructor(client: S3Client, bucket: string) {
    this.#client = client
    this.#bucket = bucket
  }

  async create(request: CreateRequest, signal?: AbortSignal): Promise<CreateOutcome> {
    const hash = createHash('sha256')
    for (const piece of request.pieces) hash.update(piece)
    const digest = hash.digest()
    const command = new PutObjectCommand({
      Bucket: this.#bucket,
      Key: request.key,
      Body: new PiecesBody(request.pieces, request.onProgress),
      ContentLength: request.pieces.reduce((sum, piece) => sum + piece.length, 0),
      ContentType: request.contentType,
      ChecksumSHA256: digest.toString('base64'),
      IfNoneMatch: '*',
      ObjectLockMode: 'COMPLIANCE',
      ObjectLockRetainUntilDate: request.retainUntil,
    })
    signPayload(command, digest.toString('hex'))
    try {
      const answer = await this.#client.send(command, signal === undefined ? {} : { abortSignal: signal })
      return { kind: 'created', versionId: answer.VersionId ?? '' }
    } catch (error) {
      const status = httpStatus(error)
      if (status === 412) return { kind: 'exists' }
      if (status === 409) return { kind: 'conflict' }
      throw this.#fault(error, 'creation', request.key)
    }
  }

  async *list(request: ListRequest, signal?: AbortSignal): AsyncGenerator<ListEntry> {
    let keyMarker = request.after
    let versionMarker: string | undefined
    const grouping = new KeyGrouping(request.after)
    for (;;) {
      const page = await this.#page(request, keyMarker, versionMarker, signal)
      yield* grouping.add(page)
      for (const prefix of page.CommonPrefixes ?? []) {
        if (prefix.Prefix !== undefined) yield { group: prefix.Prefix }
      }
      if (page.IsTruncated !== true) break
      keyMarker = page.NextKeyMarker
      versionMarker = page.NextVersionIdMarker
    }
    yield* grouping.end()
  }

  async read(
    o: { readonly key: string; readonly versionId: string; readonly maxBytes?: number },
    signal?: AbortSignal,
  ): Promise<Buffer> {
    const command = new GetObjectCommand({
      Bucket: this.#bucket,
      Key: o.key,
      VersionId: o.versionId,
      ...(o.maxBytes === undefined ? {} : { Range: `bytes=0-${o.maxBytes - 1}` }),
    })
    const read = async () => {
      const answer = await this.#client.send(command, signal === undefined ? {} : { abortSignal: signal })
      const bytes = await answer.Body?.transformToByteArray()
      if (bytes === undefined)
        throw new DaybookError('DAYBOOK_S3_UNAVAILABLE', `No body for ${o.key}.`, { retryable: true })
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    }
    return this.#again(read, { action: 'reading', key: o.key, signal })
  }

  async lockOf(
    o: { readonly key: string; readonly versionId: string },
    signal?: AbortSignal,
  ): Promise<ObjectLock> {
    const command = new HeadObjectCommand({ Bucket: this.#bucket, Key: o.key, VersionId: o.versionId })
    const query = async () => {
      const answer = await this.#client.send(command, signal === undefined ? {} : { abortSignal: signal })
      return { mode: answer.ObjectLockMode ?? null, retainUntil: answer.ObjectLockRetainUntilDate ?? null }
    }
    return this.#again(query, { action: 'lock query', key: o.key, signal })
  }

  async hasObjectLock(signal?: AbortSignal): Promise<boolean> {
    const command = new GetObjectLockConfigurationCommand({ Bucket: this.#bucket })
    try {
      const answer = await this.#client.send(command, signal === undefined ? {} : { abortSignal: signal })
      return answer.ObjectLockConfiguration?.ObjectLockEnabled === 'Enabled'
    } catch (error) {
      if (error instanceof S3ServiceException && error.name === NO_LOCK) return false
      throw this.#fault(error, 'query of Object Lock', '(bucket)')
    }
  }

  close(): void {
    this.#client.destroy()
  }

  async #page(
    request: ListRequest,
    keyMarker: string | undefined,
    versionMarker: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<ListObjectVersionsCommandOutput> {
    const command = new ListObjectVersionsCommand({
      Bucket: this.#bucket,
      Prefix: request.prefix,
      Delimiter: request.delimiter,
      KeyMarker: keyMarker,
      VersionIdMarker: versionMarker === '' ? undefined : versionMarker,
    })
    const list = () => this.#client.send(command, signal === undefined ? {} : { abortSignal: signal })
    return this.#again(list, { action: 'listing', key: request.prefix, signal })
  }

  /** What changes nothing is tried again for a second. */
  #again<T>(
    attempt: () => Promise<T>,
    {
      action,
      key,
      signal,
    }: { readonly action: string; readonly key: string; readonly signal: AbortSignal | undefined },
  ): Promise<T> {
    const tried = () =>
      attempt().catch((error: unknown) => {
        throw this.#fault(error, action, key)
      })
    return retry(tried, {
      clock: systemClock,
      policy: READ_RETRY,
      ...(signal === undefined ? {} : { signal }),
    })
  }

  #fault(error: unknown, action: string, key: string): DaybookError {
    return s3Fault(error, { action, key, bucket: this.#bucket })
  }
}

/**
 * Puts the body's hash under the request's signature. For a streamed body the client would otherwise sign "payload
 * unsigned", and let anyone on the way change it.
 */
function signPayload(command: PutObjectCommand, sha256Hex: string): void {
  command.middlewareStack.add(
    (next) => (args) => {
      const request: unknown = args.request
      if (typeof request === 'object' && request !== null && 'headers' in request) {
        Object.assign(request.headers ?? {}, { 'x-amz-content-sha256': sha256Hex })
      }
      return next(args)
    },
    { step: 'build', name: 'signPayload' },
  )
}

/** Puts the versions and delete markers of each key together, over the ends of pages. */
class KeyGrouping {
  readonly #after: string
  #key: string | null = null
  /** Newest first, by id: pages may overlap. */
  #versions = new Map<string, StoredVersion>()
  #deleteMarkers = 0

  constructor(after: string | undefined) {
    this.#after = after ?? ''
  }

  *add(page: ListObjectVersionsCommandOutput): Generator<ListEntry> {
    const markers = (page.DeleteMarkers ?? []).map((m) => ({ key: m.Key ?? '', version: null }))
    const versions = (page.Versions ?? []).map((v) => ({
      key: v.Key ?? '',
      version: { versionId: v.VersionId ?? '', sizeBytes: v.Size ?? 0 },
    }))
    // Both lists are in key order, and the versions of a key newest first; the sort is stable.
    const all = [...markers, ...versions].sort((a, b) =>
      Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)),
    )
    for (const { key, version } of all) {
      if (key !== this.#key) {
        yield* this.end()
        this.#key = key
      }
      if (version === null) this.#deleteMarkers++
      else if (!this.#versions.has(version.versionId)) this.#versions.set(version.versionId, version)
    }
  }

  *end(): Generator<ListEntry> {
    const key = this.#key
    // Some stores take the marker as the first key of the answer, others as the last of the answer before.
    if (key !== null && key > this.#after) {
      yield { key, versions: [...this.#versions.values()].reverse(), deleteMarkers: this.#deleteMarkers }
    }
    this.#key = null
    this.#versions = new Map()
    this.#deleteMarkers = 0
  }
}
