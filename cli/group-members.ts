import { brokerError, clientError } from '../consumers/kafka/client/broker-errors.ts'
import type { ClusterView } from '../consumers/kafka/client/cluster-view.ts'
import {
  requestClassicGroup,
  requestConsumerGroup,
  requestGroupType,
} from '../consumers/kafka/protocol/describe-groups-requests.ts'
import { DaybookError } from '../schemas/errors.ts'

/** Who is in a worker group. */
export interface GroupMembers {
  readonly group: string
  /** Members that speak the workers' protocol; null: they cannot be listed. */
  readonly workers: number | null
  /** Why they cannot be listed, or who else is in the group, and what to do; null: nothing is wrong. */
  readonly concern: string | null
}

const WHO = 'kafka-consumer-groups --bootstrap-server <broker> --describe --members --group'

/**
 * Asks a group's coordinator. What it does not tell is never taken for a group without members: a consumer of the newer
 * protocol (KIP-848) that joins turns the whole group into one of type `consumer`, of which the usual question says that
 * it does not exist, while the workers in it go on reading.
 */
export async function groupMembers(
  view: Pick<ClusterView, 'coordinator'>,
  group: string,
): Promise<GroupMembers> {
  try {
    const coordinator = await view.coordinator(group)
    const classic = await requestClassicGroup(coordinator, group)
    if (classic.errorCode !== 0) throw brokerError(classic.errorCode, `members of group ${group}`)
    if (classic.state !== 'Dead') return { group, workers: classic.classicMembers, concern: null }
    const { errorCode, type } = await requestGroupType(coordinator, group)
    if (errorCode !== 0) throw brokerError(errorCode, `type of group ${group}`)
    if (type === null || type === 'classic') return { group, workers: 0, concern: null }
    const described = type === 'consumer' ? await requestConsumerGroup(coordinator, group) : null
    if (described === null) return { group, workers: null, concern: ofType(group, type) }
    if (described.errorCode !== 0) throw brokerError(described.errorCode, `members of group ${group}`)
    const { classicMembers, otherMembers } = described
    return { group, workers: classicMembers, concern: otherMembers === 0 ? null : mixed(group, otherMembers) }
  } catch (error) {
    return { group, workers: null, concern: unknown(error) }
  }
}

function ofType(group: string, type: string): string {
  return (
    `members cannot be listed: the group is of type ${type}, which is none that workers make; ` +
    `${WHO} ${group} shows who is in it: stop what is no worker, and permit READ on the group to workers only`
  )
}

function mixed(group: string, others: number): string {
  return (
    `also in the group, with another protocol than workers have: ${others}; no worker reads the partitions that are given there. ` +
    `${WHO} ${group} shows who it is: stop it, and permit READ on the group to workers only`
  )
}

function unknown(error: unknown): string {
  const { code, message } = error instanceof DaybookError ? error : clientError(error, 'group')
  return `members cannot be listed: ${code}: ${message}`
}
