import { library } from '../../.ci/tsdown.ts'

export default library(['src/index.ts', 'src/bucket.ts', 'src/express.ts', 'src/fastify.ts', 'src/openfeature.ts'])
