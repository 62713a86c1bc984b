import { PgBoss } from 'pg-boss'

/** The application's queue. Only one process has to look for workers that have fallen silent. */
export async function openQueue(connectionString: string, supervises: boolean): Promise<PgBoss> {
  const boss = new PgBoss({
    connectionString,
    max: 3,
    schedule: false,
    supervise: supervises,
    superviseIntervalSeconds: 1,
    monitorIntervalSeconds: 1,
  })
  // Without a listener an error of the queue would end the process.
  boss.on('error', () => {})
  await boss.start()
  return boss
}
