/** xxHash32 (XXH32), as LZ4 frames use it for their checksums. Fed piece by piece. */
const P1 = 0x9e3779b1
const P2 = 0x85ebca77
const P3 = 0xc2b2ae3d
const P4 = 0x27d4eb2f
const P5 = 0x165667b1

const rotate = (value: number, bits: number) => (value << bits) | (value >>> (32 - bits))

export interface XxHash32 {
  update(bytes: Uint8Array): void
  /** As an unsigned number; more may be fed afterwards. */
  digest(): number
}

/** Seed 0. */
export function createXxHash32(): XxHash32 {
  const lanes = new Int32Array([P1 + P2, P2, 0, -P1])
  const tail = Buffer.alloc(16)
  let tailLength = 0
  let total = 0
  const stripe = (view: DataView, at: number) => {
    for (let lane = 0; lane < 4; lane++) {
      const sum = (lanes[lane] ?? 0) + Math.imul(view.getUint32(at + 4 * lane, true), P2)
      lanes[lane] = Math.imul(rotate(sum | 0, 13), P1)
    }
  }
  const update = (bytes: Uint8Array) => {
    total += bytes.length
    let at = 0
    if (tailLength > 0) {
      at = Math.min(16 - tailLength, bytes.length)
      tail.set(bytes.subarray(0, at), tailLength)
      tailLength += at
      if (tailLength < 16) return
      stripe(new DataView(tail.buffer, tail.byteOffset), 0)
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (; at + 16 <= bytes.length; at += 16) stripe(view, at)
    tail.set(bytes.subarray(at))
    tailLength = bytes.length - at
  }
  return { update, digest: () => finish(lanes, tail.subarray(0, tailLength), total) }
}

function finish(lanes: Int32Array, tail: Buffer, total: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = lanes
  let hash = total >= 16 ? rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18) : P5
  hash = (hash + total) | 0
  let at = 0
  for (; at + 4 <= tail.length; at += 4) {
    hash = Math.imul(rotate((hash + Math.imul(tail.readUInt32LE(at), P3)) | 0, 17), P4)
  }
  for (; at < tail.length; at++) hash = Math.imul(rotate((hash + Math.imul(tail[at] ?? 0, P5)) | 0, 11), P1)
  hash = Math.imul(hash ^ (hash >>> 15), P2)
  hash = Math.imul(hash ^ (hash >>> 13), P3)
  return (hash ^ (hash >>> 16)) >>> 0
}
