import fc from 'fast-check'
import { seedOfRun } from './seed.ts'

/** Loaded before each test file: property tests draw their inputs from the seed of the run. */
fc.configureGlobal({ seed: seedOfRun(process.env) })
