/** One process of the service under test: `node service.ts <orders>`. Its users write and read through the wrapper. */
import { createPass } from './failpoints.ts'
import { now, ordersOf, tell } from './messages.ts'
import { SUBJECTS } from './subjects.ts'
import { startUsers } from './users.ts'

process.on('disconnect', () => process.exit(0))

const orders = ordersOf(process.argv)
const pass = createPass(orders.strike, (at) => tell({ type: 'stopping', at }))
const running = await SUBJECTS[orders.subject](orders, pass)
const users = startUsers(running.things, orders, pass)
let sampling: NodeJS.Timeout | undefined
process.on('message', (command) => {
  if (command === 'stop') void stop()
})
await tell({ type: 'ready' })

if (orders.heapEveryMs !== undefined) {
  sampling = setInterval(() => {
    // Twice: what the first collection finalises, the second one frees.
    globalThis.gc?.()
    globalThis.gc?.()
    void tell({ type: 'heap', used: process.memoryUsage().heapUsed, at: now() })
  }, orders.heapEveryMs)
}

async function stop(): Promise<void> {
  clearInterval(sampling)
  await users.stop()
  await running.stop()
  process.exit(0)
}
