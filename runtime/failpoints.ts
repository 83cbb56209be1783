/**
 * Named places where a process can be stopped by a test. In production every hit is one comparison.
 *
 * `<step>.before` is reached when nothing of the step has happened; `<step>.after` when it is complete. A delivery
 * passes: cut → send (before: nothing on the wire; after: half of the body on the wire) → effect (before: all but
 * the last byte is sent; after: the store has answered) → answer (before: not yet interpreted; after: the outcome
 * is known) → commit. `fence` and `tip` belong to an assignment; for the archive, `fence` is its listing.
 */
export const FAILPOINTS = [
  'fetch.before',
  'fetch.after',
  'cut.before',
  'cut.after',
  'fence.before',
  'fence.after',
  'tip.before',
  'tip.after',
  'send.before',
  'send.after',
  'effect.before',
  'effect.after',
  'answer.before',
  'answer.after',
  'commit.before',
  'commit.after',
] as const

export type Failpoint = (typeof FAILPOINTS)[number]

export interface Failpoints {
  /** Undefined when nothing is armed at `name` (the caller need not await); else a promise that resolves when the test releases it. */
  hit(name: Failpoint): Promise<void> | undefined
}

export const noFailpoints: Failpoints = { hit: () => undefined }
