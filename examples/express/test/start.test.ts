import { startContract } from '@twinspan/example-accounts/testing'

await startContract(new URL('../src/main.ts', import.meta.url))
