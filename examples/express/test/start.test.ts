import { startContract } from '@twinspan/example-accounts/testing'

startContract(new URL('../src/main.ts', import.meta.url))
