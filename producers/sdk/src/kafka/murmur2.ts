const SEED = 0x9747b28c
const M = 0x5bd1e995

/** The partition that Java's default partitioner gives a key of eight bytes: murmur2, made positive, modulo. */
export function partitionOfKey(key: Buffer, partitions: number): number {
  let h = SEED ^ 8
  h = Math.imul(h, M) ^ mixed(key.readInt32LE(0))
  h = Math.imul(h, M) ^ mixed(key.readInt32LE(4))
  h ^= h >>> 13
  h = Math.imul(h, M)
  h ^= h >>> 15
  return (h & 0x7fffffff) % partitions
}

function mixed(word: number): number {
  const k = Math.imul(word, M)
  return Math.imul(k ^ (k >>> 24), M)
}
