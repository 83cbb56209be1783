import { constants, zstdDecompressSync } from 'node:zlib'
import { LEAST_CHUNK_BYTES, maxNativeCalls, unpackNatively, withoutRest } from './native-limits.ts'
import { NonconformingInput } from './nonconforming-input.ts'
import { OutputTooLarge } from './output-too-large.ts'
import { type ZstdFrame, zstdFrameAt } from './zstd-frame.ts'

type DataFrame = Extract<ZstdFrame, { kind: 'data' }>

/** The Java client's input buffer (zstd's recommended size): a frame cut off behind another in it goes unnoticed. */
const JAVA_BUFFER_BYTES = 131_075

/**
 * Zstandard as Kafka's Java client reads it: frames one after the other, skippable ones passed over. A last frame that
 * is cut off gives what it has, if it lies with the end of the one before in one input buffer of that client.
 * @throws OutputTooLarge or node's ERR_BUFFER_TOO_LARGE beyond `maxBytes`; any other Error for malformed input
 */
export function decompressZstd(input: Buffer, maxBytes: number): Buffer {
  const parts: Buffer[] = []
  let bytes = 0
  let calls = 0
  for (let at = 0; at < input.length; ) {
    const frame = zstdFrameAt(input, at)
    if (frame.kind === 'bad') throw new RangeError('not a zstd frame')
    if (frame.kind === 'cut' && !isOverlooked(at, input.length)) throw new RangeError('zstd frame is cut off')
    const end = frame.kind === 'cut' ? input.length : frame.end
    if (frame.kind === 'data' || frame.kind === 'cut') {
      if (++calls > maxNativeCalls(input.length)) throw new NonconformingInput('many zstd frames')
      const part =
        frame.kind === 'cut'
          ? decompressCut(input.subarray(at), maxBytes - bytes)
          : decompressFrame(input.subarray(at, end), maxBytes - bytes, frame)
      bytes += part.length
      if (bytes > maxBytes) throw new OutputTooLarge(`more than ${maxBytes} bytes of zstd`)
      parts.push(part)
    }
    at = end
  }
  const [first] = parts
  return parts.length === 1 && first !== undefined ? first : Buffer.concat(parts)
}

/** Into one piece of memory, or not at all. */
function decompressFrame(frame: Buffer, maxBytes: number, { leastBytes, mostBytes }: DataFrame): Buffer {
  if (leastBytes > maxBytes) throw new OutputTooLarge(`a zstd frame of at least ${leastBytes} bytes`)
  // One byte more than comes, or node:zlib makes room for what might still come.
  const chunkSize = Math.max(LEAST_CHUNK_BYTES, Math.min(mostBytes, maxBytes) + 1)
  const output = zstdDecompressSync(frame, { chunkSize, maxOutputLength: Math.max(1, maxBytes) })
  return withoutRest(output, chunkSize)
}

function decompressCut(frame: Buffer, maxBytes: number): Buffer {
  return unpackNatively(frame.length, maxBytes, (limits) =>
    zstdDecompressSync(frame, { ...limits, finishFlush: constants.ZSTD_e_flush }),
  )
}

function isOverlooked(start: number, end: number): boolean {
  return start % JAVA_BUFFER_BYTES !== 0 && end <= Math.ceil(start / JAVA_BUFFER_BYTES) * JAVA_BUFFER_BYTES
}
