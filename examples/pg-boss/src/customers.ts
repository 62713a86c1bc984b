import { setTimeout as wait } from 'node:timers/promises'
import { dualWrite, write } from '@twinspan/dual-write'
import type { Kysely } from 'kysely'
import type { Legacy, Target } from './databases.ts'
import type { App } from './migration.ts'

interface Customers {
  order(id: number): Promise<void>
  leave(id: number): Promise<void>
}

const oldCustomers = (db: Kysely<Legacy>): Customers => ({
  async order(id) {
    await db
      .updateTable('customers')
      .set((eb) => ({ orders: eb('orders', '+', 1) }))
      .where('customer_no', '=', id)
      .execute()
  },
  async leave(id) {
    await db.deleteFrom('customers').where('customer_no', '=', id).execute()
  },
})

const newCustomers = (db: Kysely<Target>): Customers => ({
  async order(id) {
    await db
      .updateTable('users')
      .set((eb) => ({ orders: eb('orders', '+', 1) }))
      .where('id', '=', id)
      .execute()
  },
  async leave(id) {
    await db.deleteFrom('users').where('id', '=', id).execute()
  },
})

/** Customers of the application who order and leave while their rows are moved. Ends with how often they did. */
export function startCustomers(app: App, rows: number): { stop(): Promise<number> } {
  const customers: Customers = dualWrite(app.migration, app.users, {
    legacy: oldCustomers(app.legacyDb),
    target: newCustomers(app.targetDb),
    operations: { order: write({ key: (id) => id }), leave: write({ key: (id) => id }) },
  })
  let running = true
  const writing = (async () => {
    let writes = 0
    for (; running; writes++) {
      // All over the table, in no order that the backfill has.
      const id = 3 * (1 + ((writes * 7_919) % rows))
      await (writes % 5 === 4 ? customers.leave(id) : customers.order(id))
      await wait(10)
    }
    return writes
  })()
  return {
    stop() {
      running = false
      return writing
    },
  }
}
