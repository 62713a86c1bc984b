import type { Kysely } from 'kysely'

interface LegacyTables {
  members: { member_id: number; mail: string; status: string; passwd: string | null }
}
interface TargetTables {
  users: { id: number; email: string; active: boolean }
  credentials: { user_id: number; login: string; hash: string }
}
interface User {
  readonly id: number
  readonly email: string
  readonly active: boolean
}
interface UserRepository {
  findByEmail(email: string): Promise<User | undefined>
  findById(id: number): Promise<User | undefined>
  create(input: { email: string }): Promise<User>
  rename(id: number, email: string): Promise<void>
}
declare class LegacyUsers implements UserRepository {
  constructor(db: Kysely<LegacyTables>)
  findByEmail(email: string): Promise<User | undefined>
  findById(id: number): Promise<User | undefined>
  create(input: { email: string }): Promise<User>
  rename(id: number, email: string): Promise<void>
}
declare class TargetUsers implements UserRepository {
  constructor(db: Kysely<TargetTables>)
  findByEmail(email: string): Promise<User | undefined>
  findById(id: number): Promise<User | undefined>
  create(input: { email: string }): Promise<User>
  rename(id: number, email: string): Promise<void>
}
export declare const legacyDb: Kysely<LegacyTables>
export declare const targetDb: Kysely<TargetTables>
