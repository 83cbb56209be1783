import type { PartitionerArgs } from 'kafkajs'
import { partitionOfKey } from './murmur2.ts'

/**
 * Decides a message's partition once: what the client sends again must go to the same partition even when the topic
 * has grown meanwhile, since copies in one partition are told by the one worker that reads it.
 */
export function stickyPartitioner(): (args: PartitionerArgs) => number {
  return ({ message, partitionMetadata }) => {
    message.partition ??= Buffer.isBuffer(message.key)
      ? partitionOfKey(message.key, partitionMetadata.length)
      : 0
    return message.partition
  }
}
