import { createHash } from 'node:crypto'
import type { CanonicalForm, Key, KeyPart, StoreOptions, Stretch } from '@twinspan/core'
import type { ColumnKind } from '../catalog.ts'
import { isPrimaryOrder } from '../digest/digests.ts'
import { mysqlDigest } from '../digest/mysql-digest.ts'
import { postgresDigest } from '../digest/postgres-digest.ts'
import { type Field, ROW, rowText } from '../digest/row-text.ts'
import type { KnownTable, TableContext } from '../table-context.ts'

const FORMS: Readonly<Partial<Record<ColumnKind, CanonicalForm>>> = { integer: 'integer', text: 'text', uuid: 'uuid' }

/** Holds the digest of a stretch's keys, made by the server, against that of `keys`, made here. */
export async function holdsKeys(
  context: TableContext,
  engine: 'postgres' | 'mysql',
  stretch: Stretch,
  keys: readonly Key[],
  options?: StoreOptions,
): Promise<boolean> {
  const known = await context.known(options)
  const fields = keyFields(context, known)
  if (fields === undefined) return false
  const request = {
    db: context.connection(options),
    table: context.name,
    key: known.key,
    order: known.key.order,
    // Without a bound MySQL may read the keys from any index that holds them, in the order of that one.
    inOrder: isPrimaryOrder(context, known) && (stretch.after !== undefined || stretch.through !== undefined),
    fields,
  }
  const { digest: digestOf } = engine === 'postgres' ? postgresDigest : mysqlDigest
  const [made] = (await digestOf?.(request, [stretch])) ?? []
  return made !== undefined && made.rows === keys.length && made.digest === digestHere(fields, keys)
}

function keyFields({ key }: TableContext, { columns }: KnownTable): readonly Field[] | undefined {
  const fields: Field[] = []
  for (const name of key) {
    const facts = columns.get(name)
    const form = facts && FORMS[facts.kind]
    if (facts === undefined || form === undefined) return undefined
    fields.push({ name, form, nullable: false, facts })
  }
  return fields
}

function digestHere(fields: readonly Field[], keys: readonly Key[]): string {
  if (keys.length === 0) return ''
  const texts = keys.map((key) => keyTextOf(fields, Array.isArray(key) ? key : [key]))
  return createHash('md5').update(texts.join(ROW)).digest('hex')
}

function keyTextOf(fields: readonly Field[], parts: readonly KeyPart[]): string {
  const written = parts.map((part, at) => (fields[at]?.form === 'uuid' ? String(part).toLowerCase() : String(part)))
  // One number is its own text.
  return fields.length === 1 && fields[0]?.form === 'integer' ? (written[0] ?? '') : rowText(fields, written)
}
