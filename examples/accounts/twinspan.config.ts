import { defineConfig } from 'twinspan'
import { configFrom } from './src/config.ts'
import { openDatabases } from './src/databases.ts'
import { createMembersMove } from './src/migration.ts'

export default defineConfig(() => {
  const databases = openDatabases(configFrom(process.env))
  return { migration: createMembersMove(databases).migration, router: { unit: 'member' }, close: databases.close }
})
