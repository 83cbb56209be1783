import type { Score } from './contest.ts'

/** Ours against each of the others, by medians; above 1 ours is better. A contestant that did not run is left out. */
export function ratiosOf(scores: Readonly<Record<string, Score>>) {
  const { ours, kafkaEngine, decodeJson, ceiling } = scores
  if (ours === undefined) return {}
  const speed = (other: Score | undefined) =>
    other === undefined ? null : ours.eventsPerSecond.median / other.eventsPerSecond.median
  const cpu = ours.cpuMicrosPerEvent
  const ratios = {
    vsKafkaEngine: speed(kafkaEngine),
    vsKafkaEngineCpu:
      kafkaEngine === undefined ? null : kafkaEngine.cpuMicrosPerEvent.total.median / cpu.total.median,
    vsDecodeJson: speed(decodeJson),
    vsCeiling: speed(ceiling),
    vsCeilingAfterStart:
      ceiling === undefined
        ? null
        : ours.eventsPerSecondAfterStart.median / ceiling.eventsPerSecondAfterStart.median,
  }
  const met = {
    vsKafkaEngine: reached(ratios.vsKafkaEngine, 3),
    vsKafkaEngineCpu: reached(ratios.vsKafkaEngineCpu, 4),
    vsDecodeJson: reached(ratios.vsDecodeJson, 1.5),
    vsCeiling: reached(ratios.vsCeiling, 0.75),
  }
  return { cpuMicrosPerEvent: { worker: cpu.worker.median, engine: cpu.engine.median }, ratios, targets: met }
}

function reached(ratio: number | null, least: number): boolean | null {
  return ratio === null ? null : ratio >= least
}
