import { ACCEPT_GAP_TITLE } from '../consumers/cold/accepted-loss.ts'
import type { ColdContext } from '../consumers/cold/options.ts'
import { signStatement } from '../consumers/cold/statements.ts'
import type { PartitionRef } from '../consumers/engine/contracts.ts'
import { acceptKey } from '../schemas/archive/key.ts'

export interface AcceptedColdLoss {
  readonly partition: PartitionRef
  /**
   * Offsets `first`..`last`, both included: what Kafka no longer holds of them the archive never will. `first` is where
   * the archive goes on, else the worker does not see it.
   */
  readonly first: bigint
  readonly last: bigint
  /** Where records may stand among them: how much was found lost. */
  readonly found?: { readonly holes: number; readonly lost: bigint }
  /** Why, in one line. */
  readonly reason: string
}

/**
 * Records for good that offsets are lost. The next objects list them as `lost_accepted` gaps.
 * @throws DaybookError DAYBOOK_S3_…
 */
export async function acceptColdLoss(
  context: ColdContext,
  loss: AcceptedColdLoss,
  signal?: AbortSignal,
): Promise<'accepted' | 'already'> {
  if (loss.first < 0n || loss.last < loss.first) throw new RangeError('first and last are offsets in order')
  const now = context.clock.now()
  const note = signStatement(context, loss.partition, ACCEPT_GAP_TITLE, {
    first: String(loss.first),
    last: String(loss.last),
    ...(loss.found === undefined ? {} : { holes: String(loss.found.holes), lost: String(loss.found.lost) }),
    time: new Date(now).toISOString(),
    reason: loss.reason,
  })
  const outcome = await context.store.create(
    {
      key: acceptKey(loss.partition, loss.first, loss.last),
      pieces: [Buffer.from(`${JSON.stringify({ note })}\n`)],
      contentType: 'application/json',
      retainUntil: new Date(now + context.retentionMsOf(loss.partition.topic)),
    },
    signal,
  )
  return outcome.kind === 'created' ? 'accepted' : 'already'
}
