import { randomBytes } from 'node:crypto'
import { Kysely, MysqlDialect } from 'kysely'
import { createPool } from 'mysql2'
import { createConnection } from 'mysql2/promise'
import type { Engine, OpenDatabase } from './engines.ts'

const URL_OF_SERVER = process.env['TWINSPAN_MYSQL_URL'] ?? 'mysql://root@127.0.0.1:3306/'

async function asAdmin(...statements: readonly string[]): Promise<void> {
  const connection = await createConnection({ uri: URL_OF_SERVER, connectTimeout: 2_000 })
  try {
    for (const statement of statements) await connection.query(statement)
  } finally {
    await connection.end().catch(() => {})
  }
}

/** MariaDB or MySQL, whichever answers. */
export const mariadb: Engine = {
  name: 'mariadb',
  concurrent: true,
  missing: () =>
    asAdmin('select 1').then(
      () => undefined,
      (error: Error) => `MariaDB does not answer (${describe(error)}); set TWINSPAN_MYSQL_URL`,
    ),
  async open<DB>(): Promise<OpenDatabase<DB>> {
    const name = `twinspan_${randomBytes(6).toString('hex')}`
    await asAdmin(`create database ${name} character set utf8mb4`)
    const url = new URL(URL_OF_SERVER)
    url.pathname = `/${name}`
    const opened: Kysely<DB>[] = []
    const connect = async (): Promise<Kysely<DB>> => {
      const pool = createPool({
        uri: url.href,
        connectionLimit: 10,
        supportBigNumbers: true,
        charset: 'utf8mb4',
        timezone: 'Z',
      })
      const db = new Kysely<DB>({ dialect: new MysqlDialect({ pool }) })
      await db.introspection.getSchemas()
      opened.push(db)
      return db
    }
    return {
      db: await connect(),
      url: url.href,
      connect,
      async close() {
        await Promise.all(opened.map((db) => db.destroy()))
        await asAdmin(`drop database if exists ${name}`)
      },
    }
  },
}

function describe(error: Error & { readonly code?: string }): string {
  return error.code ?? error.message
}
