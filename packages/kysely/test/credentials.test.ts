import { credentialStoreContract } from '@twinspan/core/testing'
import { CamelCasePlugin, type Kysely, sql } from 'kysely'
import { describe, expect, it } from 'vitest'
import { type Engine, eachEngine } from '../../../test/support/engines.ts'
import { kyselyCredentials } from '../src/index.ts'

interface Members {
  readonly members: {
    readonly member_id: number
    readonly mail: string | null
    readonly password: string | null
    readonly is_locked: number
  }
  readonly member_mails: { readonly member_id: number; readonly mail: string }
}

interface Named {
  readonly named: { readonly id: string; readonly login: string; readonly hash: string | null }
}

const COLUMNS = { table: 'members', uid: 'member_id', login: 'mail', hash: 'password', locked: 'is_locked' } as const

async function createMembers(db: Kysely<Members>, engine: Engine['name']): Promise<void> {
  const text = sql.raw(engine === 'mariadb' ? 'varchar(190) collate utf8mb4_bin' : 'text')
  await sql`create table members (
    member_id bigint primary key, mail ${text} unique, password ${text}, is_locked integer not null default 0
  )`.execute(db)
}

async function putMember(
  db: Kysely<Members>,
  { uid, login, hash, locked = false }: { uid: unknown; login: string; hash: string | null; locked?: boolean },
): Promise<void> {
  await db
    .insertInto('members')
    .values({ member_id: Number(uid), mail: login, password: hash, is_locked: locked ? 1 : 0 })
    .execute()
}

await eachEngine((engine) => {
  credentialStoreContract(engine.name, async () => {
    const { db, close } = await engine.open<Members>()
    await createMembers(db, engine.name)
    return {
      store: kyselyCredentials(db, COLUMNS),
      other: kyselyCredentials(db, COLUMNS),
      put: (account) => putMember(db, account),
      drop: async (uid) => {
        await db.deleteFrom('members').where('member_id', '=', Number(uid)).execute()
      },
      close,
    }
  })

  describe(`kyselyCredentials on ${engine.name}`, () => {
    it('joins the logins from the table that has them', async () => {
      const { db, close } = await engine.open<Members>()
      await createMembers(db, engine.name)
      await sql`create table member_mails (member_id bigint primary key, mail varchar(190))`.execute(db)
      const store = kyselyCredentials(db, {
        table: 'members',
        uid: 'member_id',
        login: 'mail',
        hash: 'password',
        identities: { table: 'member_mails', uid: 'member_id' },
        normaliseLogin: (login) => login.toLowerCase(),
      })
      await db.insertInto('member_mails').values({ member_id: 7, mail: 'ann@example.org' }).execute()
      expect(await store.find('bob@example.org')).toEqual([])
      // Known, and without a password yet.
      expect(await store.find('Ann@example.org')).toMatchObject([{ uid: expect.anything(), hash: null }])
      const account = { uid: 7, login: 'Ann@example.org', hash: 'hash-1', state: 'open', fingerprint: null } as const
      expect(await store.insertIfAbsent(account, 0)).toBe(true)
      expect(await store.find('Ann@example.org')).toMatchObject([{ login: 'ann@example.org', hash: 'hash-1' }])
      await close()
    })

    it('gives a login without a password its first one, once', async () => {
      const { db, close } = await engine.open<Members>()
      await createMembers(db, engine.name)
      await sql`create table member_mails (member_id bigint primary key, mail varchar(190))`.execute(db)
      const store = kyselyCredentials(db, {
        table: 'members',
        uid: 'member_id',
        login: 'mail',
        hash: 'password',
        identities: { table: 'member_mails', uid: 'member_id' },
      })
      await db.insertInto('member_mails').values({ member_id: 7, mail: 'ann@example.org' }).execute()
      const next = { hash: 'hash-1', state: 'open', fingerprint: null } as const
      const made = await Promise.all([1, 2].map(() => store.replaceHash(7, { hash: null, revision: 0 }, next)))
      expect(made.filter(Boolean)).toHaveLength(1)
      expect(await store.findByUid(7)).toMatchObject({ login: 'ann@example.org', hash: 'hash-1' })
      expect(await store.replaceHash(8, { hash: null, revision: 0 }, next)).toBe(false)
      expect(await store.scan?.({ limit: 10 })).toMatchObject([{ hash: 'hash-1', bridge: { revision: 1 } }])
      await close()
    })

    it('takes a lock from the table with the logins', async () => {
      const { db, close } = await engine.open<Members>()
      await createMembers(db, engine.name)
      await sql`create table member_mails (member_id bigint primary key, mail varchar(190))`.execute(db)
      await putMember(db, { uid: 7, login: 'ann@example.org', hash: null, locked: true })
      await db.insertInto('member_mails').values({ member_id: 7, mail: 'unused' }).execute()
      const store = kyselyCredentials(db, {
        table: 'member_mails',
        uid: 'member_id',
        login: 'mail',
        hash: 'mail',
        identities: { table: 'members', uid: 'member_id', locked: 'is_locked' },
      })
      expect(await store.find('ann@example.org')).toMatchObject([{ hash: 'unused', locked: true }])
      await db.updateTable('members').set({ is_locked: 0 }).execute()
      expect(await store.findByUid(7)).toMatchObject({ locked: false })
      await close()
    })

    it('hands over what stands beside the hash', async () => {
      const { db, close } = await engine.open<Members>()
      await createMembers(db, engine.name)
      await putMember(db, { uid: 7, login: 'ann@example.org', hash: 'hash-1', locked: true })
      const store = kyselyCredentials(db, {
        table: 'members',
        uid: 'member_id',
        login: 'mail',
        hash: 'password',
        params: { username: 'mail', iterations: 'is_locked' },
      })
      expect(await store.find('ann@example.org')).toMatchObject([
        { params: { username: 'ann@example.org', iterations: '1' } },
      ])
      await close()
    })

    it.each(['char(80)', 'bytes'])('reads hashes from a column of %s', async (kind) => {
      const { db, close } = await engine.open<Named>()
      const bytes = { mariadb: 'binary(80)', sqlite: 'blob' }[engine.name as string] ?? 'bytea'
      const type = sql.raw(kind === 'bytes' ? bytes : kind)
      await sql`create table named (id varchar(9) primary key, login varchar(9), hash ${type})`.execute(db)
      const hash = `$2y$05$${'C'.repeat(53)}`
      const stored = kind === 'bytes' ? Buffer.from(hash) : hash
      await sql`insert into named values ('7', 'ann', ${stored})`.execute(db)
      const store = kyselyCredentials(db, { table: 'named', uid: 'id', login: 'login', hash: 'hash' })
      expect(await store.find('ann')).toMatchObject([{ hash }])
      if (kind !== 'bytes') {
        const next = { hash: 'hash-2', state: 'open', fingerprint: null } as const
        expect(await store.replaceHash('7', { hash, revision: 0 }, next)).toBe(true)
      }
      await close()
    })

    it('takes ids that are text, in the collation that the column has', async () => {
      const { db, close } = await engine.open<Named>()
      const text = sql.raw(engine.name === 'mariadb' ? 'varchar(190) character set latin1' : 'text')
      await sql`create table named (id ${text} primary key, login ${text}, hash ${text})`.execute(db)
      const store = kyselyCredentials(db, { table: 'named', uid: 'id', login: 'login', hash: 'hash' })
      const account = { uid: 'Ann~7', login: 'ann', hash: 'hash-1', state: 'open', fingerprint: 'print' } as const
      expect(await store.insertIfAbsent(account, 0)).toBe(true)
      expect(await store.find('ann')).toMatchObject([{ uid: 'Ann~7', hash: 'hash-1', bridge: { revision: 1 } }])
      expect(await store.replaceHash('Ann~7', { hash: 'hash-1', revision: 1 }, { ...account, hash: 'hash-2' })).toBe(
        true,
      )
      expect(await store.findByUid('Ann~7')).toMatchObject({ hash: 'hash-2', bridge: { revision: 2 } })
      await close()
    })

    it('works behind plugins that rename columns', async () => {
      const { db, close } = await engine.open<Members>()
      await createMembers(db, engine.name)
      await putMember(db, { uid: 7, login: 'ann@example.org', hash: 'hash-1' })
      const camel = db.withPlugin(new CamelCasePlugin()) as unknown as Kysely<{
        members: { memberId: number; mail: string; password: string | null }
      }>
      const store = kyselyCredentials(camel, { table: 'members', uid: 'memberId', login: 'mail', hash: 'password' })
      const next = { hash: 'hash-2', state: 'open', fingerprint: 'print' } as const
      expect(await store.replaceHash(7, { hash: 'hash-1', revision: 0 }, next)).toBe(true)
      expect(await store.find('ann@example.org')).toMatchObject([{ hash: 'hash-2', bridge: { fingerprint: 'print' } }])
      await close()
    })

    it('closes a bridge while the accounts are frozen', async () => {
      const { db, close } = await engine.open<Members>()
      await createMembers(db, engine.name)
      await putMember(db, { uid: 7, login: 'ann@example.org', hash: 'hash-1' })
      const store = kyselyCredentials(db, COLUMNS)
      await store.prepare()
      await freeze(db, engine.name)
      await expect(putMember(db, { uid: 8, login: 'bob@example.org', hash: null })).rejects.toThrow()
      await store.closeBridge(7)
      expect(await store.find('ann@example.org')).toMatchObject([{ bridge: { state: 'closed' } }])
      await close()
    })

    it('refuses to be built without its names', async () => {
      const { db, close } = await engine.open<Members>()
      expect(() => kyselyCredentials(db, { ...COLUMNS, hash: '' as 'password' })).toThrow(
        'Option hash of kyselyCredentials',
      )
      await close()
    })
  })
})

async function freeze(db: Kysely<Members>, engine: Engine['name']): Promise<void> {
  if (engine === 'sqlite') {
    await sql`create trigger frozen before insert on members begin select raise(abort, 'frozen'); end`.execute(db)
  } else if (engine === 'mariadb') {
    await sql`create trigger frozen before insert on members for each row signal sqlstate '45000'`.execute(db)
  } else {
    await sql`create function frozen() returns trigger language plpgsql as $$ begin raise 'frozen'; end $$`.execute(db)
    await sql`create trigger frozen before insert on members for each row execute function frozen()`.execute(db)
  }
}
