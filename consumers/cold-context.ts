import { nodeCrypto } from '../proof/node.ts'
import { systemClock } from '../runtime/clock.ts'
import type { ObjectStore } from '../runtime/object-store/contract.ts'
import { createS3Store } from '../runtime/object-store/s3.ts'
import { type ColdConfig, retentionClassOf } from '../runtime/worker-config.ts'
import { logIdOf } from '../schemas/archive/key.ts'
import { type ArchiveKeys, readArchiveKeys } from './archive-keys.ts'
import type { ColdContext, TamperingReport } from './cold/options.ts'

export interface ColdContextOptions {
  readonly config: Pick<
    ColdConfig,
    | 's3Bucket'
    | 's3Endpoint'
    | 's3Region'
    | 's3AccessKeyId'
    | 's3SecretAccessKey'
    | 's3ForcePathStyle'
    | 'storeTimeoutMs'
    | 'org'
    | 'environment'
    | 'retention'
    | 'signingKeyFile'
  > &
    Partial<Pick<ColdConfig, 'trustedKeysFile'>>
  /** Where they have been read already. */
  readonly keys?: ArchiveKeys
  readonly clusterId: string
  readonly onTampering: (report: TamperingReport) => void
}

const DAY_MS = 86_400_000

/** The bucket that a configuration names. */
export function bucketOf(
  config: Pick<
    ColdConfig,
    's3Bucket' | 's3Endpoint' | 's3Region' | 's3AccessKeyId' | 's3SecretAccessKey' | 's3ForcePathStyle'
  >,
  requestTimeoutMs: number,
): ObjectStore {
  return createS3Store({
    bucket: config.s3Bucket,
    endpoint: config.s3Endpoint,
    region: config.s3Region,
    accessKeyId: config.s3AccessKeyId,
    secretAccessKey: config.s3SecretAccessKey,
    forcePathStyle: config.s3ForcePathStyle,
    requestTimeoutMs,
  })
}

/**
 * The archive that a configuration names, with the key that signs in it.
 * @throws DaybookError DAYBOOK_CONFIG_INVALID where a file of keys is not as it must be
 */
export function createColdContext({
  config,
  keys = readArchiveKeys(config),
  clusterId,
  onTampering,
}: ColdContextOptions): ColdContext {
  const { org, environment } = config
  return {
    store: bucketOf(config, config.storeTimeoutMs),
    ...keys,
    crypto: nodeCrypto,
    logIdOf: (partition) => logIdOf({ org, environment, clusterId, ...partition }),
    retentionMsOf: (topic) => (config.retention.get(retentionClassOf(topic)) ?? 0) * DAY_MS,
    clock: systemClock,
    onTampering,
  }
}
