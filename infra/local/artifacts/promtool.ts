import type { Artifact } from './cache.ts'
import { goArtifact } from './go-program.ts'

/** Checks and tests alert rules; only the long tests want it. Prometheus 3.16.0 is version 0.316.0 as a Go module. */
export function promtoolArtifact(): Artifact {
  return goArtifact({
    name: 'promtool',
    module: 'github.com/prometheus/prometheus',
    version: 'v0.316.0',
    moduleSum: 'h1:f1GRFerhTMKQma+awCoC9T820ecWeGSdF+xAlMHzZzM=',
    duration: '4 min',
  })
}
