import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Component, component } from './component.ts'

export interface S3Options {
  readonly binDir: string
  readonly dataDir: string
  readonly logFile: string
  readonly port: number
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** Versity S3 Gateway over a folder, with versions, so that Object Lock holds as on AWS. */
export function s3Component(options: S3Options): Component {
  const objects = join(options.dataDir, 'objects')
  const versions = join(options.dataDir, 'versions')
  return component({
    name: 's3',
    command: join(options.binDir, 'versitygw'),
    args: [
      '--port',
      `127.0.0.1:${options.port}`,
      '--region',
      options.region,
      'posix',
      '--versioning-dir',
      versions,
      objects,
    ],
    env: { ...process.env, ROOT_ACCESS_KEY: options.accessKeyId, ROOT_SECRET_KEY: options.secretAccessKey },
    cwd: options.dataDir,
    logFile: options.logFile,
    graceSeconds: 5,
    prepare: async () => {
      mkdirSync(objects, { recursive: true })
      mkdirSync(versions, { recursive: true })
    },
    // Any answer will do: without a signature it is a refusal.
    probe: () => fetch(`http://127.0.0.1:${options.port}/`),
  })
}
