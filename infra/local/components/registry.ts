import { join } from 'node:path'
import { type Component, component } from './component.ts'

export interface RegistryOptions {
  readonly appDir: string
  readonly dataDir: string
  readonly logFile: string
  readonly port: number
}

export function registryUrl(port: number): string {
  return `http://127.0.0.1:${port}/apis/ccompat/v7`
}

/** Apicurio with its schemas in a file: in memory, as it starts by default, a restart would forget them. */
export function registryComponent(options: RegistryOptions): Component {
  return component({
    name: 'registry',
    command: 'java',
    args: [
      '-Xmx400m',
      '-XX:TieredStopAtLevel=1',
      '-XX:+UseSerialGC',
      '-Dquarkus.http.host=127.0.0.1',
      `-Dquarkus.http.port=${options.port}`,
      // Without the delay of half a second, a schema id that was given out survives kill -9 of the registry.
      `-Dapicurio.datasource.url=jdbc:h2:file:${join(options.dataDir, 'h2')};WRITE_DELAY=0`,
      '-jar',
      join(options.appDir, 'apicurio-registry-app-3.0.9-runner.jar'),
    ],
    env: process.env,
    cwd: options.dataDir,
    logFile: options.logFile,
    graceSeconds: 10,
    probe: async () => {
      const answer = await fetch(`${registryUrl(options.port)}/subjects`)
      if (!answer.ok) throw new Error(`status ${answer.status}`)
    },
  })
}
