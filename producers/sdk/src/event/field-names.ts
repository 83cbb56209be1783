/** What fields are called in findings. Made once: most events have nothing to find, and each has many fields. */
export interface TargetNames {
  readonly item: string
  readonly type: string
  readonly id: string
  readonly name: string
}

export interface ChangeNames {
  readonly item: string
  readonly path: string
  readonly before: string
  readonly after: string
}

/** Longer lists are rare. */
const PREPARED = 16

export const TARGET_NAMES = targetNames('target')
const OTHER_TARGETS = Array.from({ length: PREPARED }, (_, index) => targetNames(`otherTargets[${index}]`))
const CHANGES = Array.from({ length: PREPARED }, (_, index) => namesOfChange(`changes[${index}]`))

export function otherTargetNames(index: number): TargetNames {
  return OTHER_TARGETS[index] ?? targetNames(`otherTargets[${index}]`)
}

export function changeNames(index: number): ChangeNames {
  return CHANGES[index] ?? namesOfChange(`changes[${index}]`)
}

function targetNames(item: string): TargetNames {
  return { item, type: `${item}.type`, id: `${item}.id`, name: `${item}.name` }
}

function namesOfChange(item: string): ChangeNames {
  return { item, path: `${item}.path`, before: `${item}.before`, after: `${item}.after` }
}
