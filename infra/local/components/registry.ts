import { join } from 'node:path'
import type { RegistryLogin } from '../registry-login.ts'
import { type Component, component } from './component.ts'

export interface RegistryOptions {
  readonly appDir: string
  readonly dataDir: string
  readonly logFile: string
  readonly port: number
  /** Without it nobody registers or changes a schema. */
  readonly login: RegistryLogin
}

export function registryUrl(port: number): string {
  return `http://127.0.0.1:${port}/apis/ccompat/v7`
}

/**
 * The registry itself asks for the login, by the operation and not by the path: whatever only reads, a producer's
 * look-up of an id (a POST) included, needs none. The login may register and set a subject's rule, and may not change
 * the registry's own settings. In the environment, so that the password stands in no list of processes.
 */
export function registryAccess({ username, password }: RegistryLogin): Readonly<Record<string, string>> {
  const name = username.toUpperCase()
  return {
    QUARKUS_HTTP_AUTH_BASIC: 'true',
    QUARKUS_SECURITY_USERS_EMBEDDED_PLAIN_TEXT: 'true',
    [`QUARKUS_SECURITY_USERS_EMBEDDED_USERS_${name}`]: password,
    [`QUARKUS_SECURITY_USERS_EMBEDDED_ROLES_${name}`]: 'sr-developer',
    APICURIO_AUTH_ROLE_BASED_AUTHORIZATION: 'true',
    APICURIO_AUTH_ANONYMOUS_READ_ACCESS_ENABLED: 'true',
  }
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
    env: { ...process.env, ...registryAccess(options.login) },
    cwd: options.dataDir,
    logFile: options.logFile,
    graceSeconds: 10,
    probe: async () => {
      const answer = await fetch(`${registryUrl(options.port)}/subjects`)
      if (!answer.ok) throw new Error(`status ${answer.status}`)
    },
  })
}
