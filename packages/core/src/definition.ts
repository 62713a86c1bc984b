import { createHash, randomUUID } from 'node:crypto'
import type { Entity } from './entity.ts'

/**
 * What tells two migrations of one name apart: the entities, and where each side keeps them. Translations are code and may
 * change between deployments; tables may not.
 */
export function definitionOf(entities: readonly Entity[]): string {
  const facts = entities.map((entity) => [entity.name, entity.legacy.name ?? null, entity.target.name ?? null])
  facts.sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1))
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 16)
}

/**
 * An incarnation names one attempt at a migration. It carries the definition, so that each database can tell by its
 * fence row alone whether a process with another definition has come.
 */
export function newIncarnation(definition: string): string {
  return `${randomUUID()}.${definition}`
}

export function definitionIn(incarnation: string): string {
  return incarnation.slice(incarnation.indexOf('.') + 1)
}
