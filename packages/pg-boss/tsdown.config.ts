import { library } from '../../.ci/tsdown.ts'

export default library(['src/index.ts'])
