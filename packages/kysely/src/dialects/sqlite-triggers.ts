import {
  type CaptureRequest,
  type FreezeRequest,
  frozenMessage,
  literal,
  partName,
  staleMessage,
  type Trigger,
  triggerName,
} from '../triggers.ts'

const NOW = "cast((julianday('now') - 2440587.5) * 86400000 as integer)"

export function sqliteCapture(request: CaptureRequest): readonly Trigger[] {
  const { scope, entity, facts, key, part } = request
  const table = quote(facts.name)
  const refuse = `select raise(abort, ${literal(staleMessage(scope))}) where not exists (
    select 1 from twinspan_fence where migration = ${literal(scope.migration)} and side = '${scope.side}'
      and open = 1 and primary_side = '${scope.side}');`
  // Any column of a key may be NULL, a primary key's included. A row without a key is no record's.
  const mark = (row: string, condition: string | undefined, from = ''): string => {
    const conditions = [
      ...key.map((column) => `${row}${quote(column)} is not null`),
      ...(condition === undefined ? [] : [condition]),
    ]
    return `insert into twinspan_journal
    (migration, side, entity, key_text, attempts, due_at, parked, marked_at)
    select ${literal(scope.migration)}, '${scope.side}', ${literal(entity)}, ${keyExpression(row, key)}, 0, 0, 0, ${NOW}${from}
    where ${conditions.join(' and ')};`
  }
  // `insert or replace` removes the rows that collide with the new one, and fires no delete trigger for them. Where a row
  // is a record, the one that collides by the key is that record itself; a part may be another record's, and what a
  // collation calls equal may be another key.
  const exact = facts.columns.every(({ name, byteEquality }) => byteEquality || !key.includes(name))
  const replaceable = facts.replaceable ?? facts.uniques
  const colliding = part || !exact ? replaceable : others(replaceable, key)
  const differ = (a: string, b: string, column: string): string =>
    `${a}${quote(column)} collate binary is not ${b}${quote(column)}`
  const displaced = colliding.map((unique) =>
    mark(
      'victim.',
      `${unique.map((column) => `victim.${quote(column)} = NEW.${quote(column)}`).join(' and ')}
      and (${key.map((column) => differ('victim.', 'NEW.', column)).join(' or ')})`,
      ` from ${table} victim`,
    ),
  )
  const moved = key.map((column) => differ('NEW.', 'OLD.', column)).join(' or ')
  const events: readonly (readonly [string, string, readonly string[]])[] = [
    ['insert', 'after insert', [mark('NEW.', undefined)]],
    ['update', 'after update', [mark('OLD.', undefined), mark('NEW.', `(${moved})`)]],
    ['delete', 'after delete', [mark('OLD.', undefined)]],
    ...(displaced.length === 0
      ? []
      : ([
          ['replace', 'before insert', displaced],
          ['displace', 'before update', displaced],
        ] as const)),
  ]
  return events.map(([kind, event, marks]) => {
    const name = triggerName(`capture_${kind}`, scope, entity, facts.name, ...partName(request))
    const create = `CREATE TRIGGER ${quote(name)} ${event} on ${table} for each row
when not exists (select 1 from twinspan_copying where migration = ${literal(scope.migration)})
begin
  ${[refuse, ...marks].join('\n  ')}
end`
    return { name, create: [create], drop: [`drop trigger if exists ${quote(name)}`], definition: create }
  })
}

export function sqliteFreeze({ scope, facts }: FreezeRequest): readonly Trigger[] {
  return ['insert', 'update', 'delete'].map((event) => {
    const name = triggerName(`freeze_${event}`, scope, facts.name)
    const create = `CREATE TRIGGER ${quote(name)} before ${event} on ${quote(facts.name)} for each row
begin
  select raise(abort, ${literal(frozenMessage(scope))});
end`
    return { name, create: [create], drop: [`drop trigger if exists ${quote(name)}`], definition: create }
  })
}

/** The unique keys beside the entity's own. */
function others(uniques: readonly (readonly string[])[], key: readonly string[]): readonly (readonly string[])[] {
  return uniques.filter((unique) => unique.length !== key.length || unique.some((column) => !key.includes(column)))
}

/** `keyText` in SQL. */
function keyExpression(row: string, key: readonly string[]): string {
  const part = (column: string): string => `cast(${row}${quote(column)} as text)`
  const [only] = key
  if (key.length === 1 && only !== undefined) return part(only)
  return key.map((column) => `replace(replace(${part(column)}, '~', '~0'), '|', '~1')`).join(" || '|' || ")
}

function quote(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`
}
