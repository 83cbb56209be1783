import type { ICustomPartitioner, PartitionerArgs } from 'kafkajs'

/**
 * Java's default partitioning (murmur2 of the key), decided once per message: a batch that is sent again must go to
 * the same partitions, or the broker's check of sequence numbers takes one batch for another.
 */
export function stickyPartitioner(defaults: ICustomPartitioner): ICustomPartitioner {
  return () => {
    const partitionOf = defaults()
    return (args: PartitionerArgs) => {
      args.message.partition ??= partitionOf(args)
      return args.message.partition
    }
  }
}
