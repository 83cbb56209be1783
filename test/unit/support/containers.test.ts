import { expect, test, vi } from 'vitest'
import { registryAccess } from '../../../infra/local/components/registry.ts'
import { startContainers } from '../../support/containers.ts'

const environments = vi.hoisted(() => new Map<string, Readonly<Record<string, string>>>())

/** Takes note of what the containers are given, and starts none. */
vi.mock('testcontainers', () => {
  class GenericContainer {
    readonly #image: string

    constructor(image: string) {
      this.#image = image
    }

    withEnvironment(environment: Readonly<Record<string, string>>) {
      environments.set(this.#image, environment)
      return this
    }

    withExposedPorts = () => this
    withWaitStrategy = () => this
    withTmpFs = () => this
    withCommand = () => this
    start = async () => ({ getHost: () => 'localhost', getMappedPort: () => 1, stop: async () => {} })
  }
  const Wait = { forListeningPorts: () => null, forLogMessage: () => null, forHttp: () => null }
  return { GenericContainer, Wait }
})

test('the registry in a container asks for a login as the local one does, and tests are given it', async () => {
  const { stack } = await startContainers()
  const login = stack.registry.auth ?? { username: '', password: '' }
  expect(login.username).not.toBe('')
  const [environment] = [...environments].find(([image]) => image.includes('registry'))?.slice(1) ?? []
  expect(environment).toEqual(registryAccess(login))
})
