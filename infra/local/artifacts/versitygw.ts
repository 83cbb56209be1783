import type { Artifact } from './cache.ts'
import { goArtifact } from './go-program.ts'

export function versitygwArtifact(): Artifact {
  return goArtifact({
    name: 'versitygw',
    module: 'github.com/versity/versitygw',
    version: 'v1.8.0',
    moduleSum: 'h1:au+wI+aybno/STsQiSm35Uu6Q6iK5MWReQxgO6SEMFc=',
    duration: '100 s',
  })
}
