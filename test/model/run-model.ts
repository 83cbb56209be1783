import { World, type WorldOptions } from './world.ts'

/** Runs one seed. The error of a failed run names the seed and ends with what happened last. */
export async function runModel(options: WorldOptions): Promise<World> {
  const world = new World(options)
  try {
    await world.run()
  } catch (error) {
    const trace = world.sim.trace.slice(-80).join('\n')
    throw new Error(`seed ${options.seed}: ${error instanceof Error ? error.message : error}\n${trace}`, {
      cause: error,
    })
  }
  return world
}
