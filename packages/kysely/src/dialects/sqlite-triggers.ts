import {
  type CaptureRequest,
  type FreezeRequest,
  frozenMessage,
  literal,
  staleMessage,
  type Trigger,
  triggerName,
} from '../triggers.ts'

const NOW = "cast((julianday('now') - 2440587.5) * 86400000 as integer)"

export function sqliteCapture({ scope, entity, facts, key }: CaptureRequest): readonly Trigger[] {
  const table = quote(facts.name)
  const refuse = `select raise(abort, ${literal(staleMessage(scope))}) where not exists (
    select 1 from twinspan_fence where migration = ${literal(scope.migration)} and side = '${scope.side}'
      and open = 1 and primary_side = '${scope.side}');`
  const mark = (keyText: string, from: string): string => `insert into twinspan_journal
    (migration, side, entity, key_text, attempts, due_at, parked, marked_at)
    select ${literal(scope.migration)}, '${scope.side}', ${literal(entity)}, ${keyText}, 0, 0, 0, ${NOW}${from};`
  const others = replaced(facts.uniques, key)
  // `insert or replace` removes the rows that collide on another unique key, and fires no delete trigger for them.
  const displaced = others.map((unique) =>
    mark(
      keyExpression('', key),
      ` from ${table} where ${unique.map((column) => `${quote(column)} = NEW.${quote(column)}`).join(' and ')}
      and not (${key.map((column) => `${quote(column)} is NEW.${quote(column)}`).join(' and ')})`,
    ),
  )
  const moved = key.map((column) => `NEW.${quote(column)} is not OLD.${quote(column)}`).join(' or ')
  const events: readonly (readonly [string, string, readonly string[]])[] = [
    ['insert', 'after insert', [mark(keyExpression('NEW.', key), '')]],
    [
      'update',
      'after update',
      [mark(keyExpression('OLD.', key), ''), mark(keyExpression('NEW.', key), ` where ${moved}`)],
    ],
    ['delete', 'after delete', [mark(keyExpression('OLD.', key), '')]],
    ...(displaced.length === 0
      ? []
      : ([
          ['replace', 'before insert', displaced],
          ['displace', 'before update', displaced],
        ] as const)),
  ]
  return events.map(([kind, event, marks]) => {
    const name = triggerName(`capture_${kind}`, scope, entity, facts.name)
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
function replaced(uniques: readonly (readonly string[])[], key: readonly string[]): readonly (readonly string[])[] {
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
