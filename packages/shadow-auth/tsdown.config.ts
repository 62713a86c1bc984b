import { library } from '../../.ci/tsdown.ts'

export default library(['src/index.ts', 'src/schemes/index.ts', 'src/round-worker.ts'])
