import { mkdirSync, statfsSync } from 'node:fs'
import { unusable } from './ownership.ts'

/** statfs types (Linux) of file systems whose locks, sockets or syncs do not mean what the spool needs. */
const NETWORK: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x01161970, 'GFS2'],
  [0x7461636f, 'OCFS2'],
  [0x01021997, '9P'],
  [0x73757245, 'Coda'],
])

/** Makes the directory. @throws DaybookError when that fails or it lies on a network file system. */
export function prepareDirectory(
  directory: string,
  typeOf: (directory: string) => number = fileSystemType,
): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw unusable(directory, error)
  }
  const network = NETWORK.get(typeOf(directory))
  if (network !== undefined) throw unusable(directory, `it lies on a network file system (${network})`)
}

function fileSystemType(directory: string): number {
  return process.platform === 'linux' ? statfsSync(directory).type : 0
}
