import type { PartitionerArgs } from 'kafkajs'
import { partitionOfKey } from './murmur2.ts'

/**
 * Decides a message's partition once: a batch that is sent again must go to the same partitions even when the topic
 * has grown meanwhile, or the broker's check of sequence numbers takes one batch for another.
 */
export function stickyPartitioner(): (args: PartitionerArgs) => number {
  return ({ message, partitionMetadata }) => {
    message.partition ??= Buffer.isBuffer(message.key)
      ? partitionOfKey(message.key, partitionMetadata.length)
      : 0
    return message.partition
  }
}
