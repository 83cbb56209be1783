import type { Sink, Source } from '../../consumers/engine/contracts.ts'

export interface SabotagedParts {
  readonly source: Source
  readonly sink: Sink
}

/** Makes a right engine behave like one with a certain mistake, by what it is given. */
export type Sabotage = (parts: SabotagedParts) => SabotagedParts
