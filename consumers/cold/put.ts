import { equalBytes, HASH_BYTES } from '../../proof/crypto.ts'
import type { Failpoints } from '../../runtime/failpoints.ts'
import { DaybookError } from '../../schemas/errors.ts'
import type { Range, RangeOutcome } from '../engine/contracts.ts'
import type { BuiltObject } from './build.ts'
import type { ColdClaim } from './claim.ts'
import type { ColdWriterContext } from './options.ts'
import { storedKey, tamperingOf } from './stored-objects.ts'
import { contradicted, readVerified, type VerifiedObject } from './verified-object.ts'

const CONFLICT_ATTEMPTS = 6
const CONFLICT_DELAY_MS = 50

export interface PutOptions {
  readonly context: ColdWriterContext
  readonly failpoints: Failpoints
  readonly lockedUntil: Date
}

/**
 * Puts a built object in its place, or finds who has taken it. `delivered`: exactly this range is in the archive.
 * `fenced`: another worker's object begins at the same offset and ends elsewhere; it is verified, its records equal
 * ours where both have them (by the same reader version), and the claim has moved behind it.
 */
export async function putObject(
  claim: ColdClaim,
  range: Range,
  built: BuiltObject,
  o: PutOptions,
  signal: AbortSignal,
): Promise<RangeOutcome> {
  for (let attempt = 0; attempt < CONFLICT_ATTEMPTS; attempt++) {
    if (attempt > 0) await o.context.clock.sleep(CONFLICT_DELAY_MS * 2 ** attempt, signal)
    const outcome = await create(built, o, signal)
    await o.failpoints.hit('answer.before')
    if (outcome.kind === 'conflict') continue
    const result =
      outcome.kind === 'created'
        ? await confirm(claim, built, o, signal)
        : await takeOver(claim, range, built, o, signal)
    await o.failpoints.hit('answer.after')
    return result
  }
  throw new DaybookError('DAYBOOK_S3_UNAVAILABLE', `Other writers keep ${built.key} busy.`, {
    retryable: true,
    details: { key: built.key },
  })
}

async function create(built: BuiltObject, o: PutOptions, signal: AbortSignal) {
  const { failpoints } = o
  const request = {
    key: built.key,
    pieces: built.pieces,
    contentType: 'application/avro',
    retainUntil: o.lockedUntil,
    onProgress: (sent: 'half' | 'all-but-last') =>
      failpoints.hit(sent === 'half' ? 'send.after' : 'effect.before'),
  }
  await failpoints.hit('send.before')
  const outcome = await o.context.store.create(request, signal)
  await failpoints.hit('effect.after')
  return outcome
}

/**
 * A delete marker hides an object from `If-None-Match`, so a PUT can succeed although the key has a version. Then
 * what we wrote counts for nothing, and the tree would fork with the next object.
 */
async function confirm(
  claim: ColdClaim,
  built: BuiltObject,
  o: PutOptions,
  signal: AbortSignal,
): Promise<RangeOutcome> {
  const stored = await storedKey(o.context, built.key, signal)
  const report = stored === null ? null : tamperingOf(stored)
  if (report !== null) {
    o.context.onTampering(report)
    throw contradicted(built.key, 'the key had a version that a delete marker hid')
  }
  claim.advance(built.after)
  return 'delivered'
}

async function takeOver(
  claim: ColdClaim,
  range: Range,
  built: BuiltObject,
  o: PutOptions,
  signal: AbortSignal,
): Promise<RangeOutcome> {
  const stored = await storedKey(o.context, built.key, signal)
  if (stored === null) {
    throw new DaybookError('DAYBOOK_S3_UNAVAILABLE', `${built.key} exists, but is not listed yet.`, {
      retryable: true,
    })
  }
  const winner = await readVerified(o.context, claim.partition, stored, signal)
  // Two reader versions may see different records in the same bytes; then what is signed first counts.
  if (winner.header.readerVersion === o.context.readerVersion) compare(range, built, winner)
  claim.adopt(winner)
  return winner.header.last === range.last ? 'delivered' : 'fenced'
}

/** @throws DaybookError DAYBOOK_COLD_CONTRADICTED where both objects speak of an offset and say different things. */
function compare(range: Range, built: BuiltObject, winner: VerifiedObject): void {
  // biome-ignore lint/complexity/useMathMinMax: Math.min takes no bigint.
  const end = range.last < winner.header.last ? range.last : winner.header.last
  for (let i = 0; ; i++) {
    const [ours, theirs] = [range.records[i]?.record.offset ?? end + 1n, winner.offsets[i] ?? end + 1n]
    if (ours > end && theirs > end) return
    const at = i * HASH_BYTES
    const [ourLeaf, theirLeaf] = [
      built.leaves.subarray(at, at + HASH_BYTES),
      winner.leaves.subarray(at, at + HASH_BYTES),
    ]
    if (ours !== theirs || !equalBytes(ourLeaf, theirLeaf)) {
      throw contradicted(built.key, `at offset ${ours < theirs ? ours : theirs} Kafka holds something else`)
    }
  }
}
