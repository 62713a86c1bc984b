import type { TableFacts } from '../catalog.ts'
import type { Scope } from '../dialect.ts'
import {
  type CaptureRequest,
  type FreezeRequest,
  frozenMessage,
  literal,
  mayLackKey,
  partName,
  staleMessage,
  type Trigger,
  triggerName,
} from '../triggers.ts'

const NOW = "timestampdiff(microsecond, '1970-01-01', utc_timestamp(3)) div 1000"

/** Where refused writes are counted on MariaDB: what a sequence gave out survives the rollback. */
export function deniedSequence(scope: Scope): string {
  return triggerName('denied', scope)
}

// Triggers see neither TRUNCATE nor what a foreign key's cascade changes.
export function mysqlCapture(request: CaptureRequest): readonly Trigger[] {
  const { scope, entity, facts, key, surroundings } = request
  const own = (name: string): string => qualified(surroundings.schema, name)
  const insert = (row: string): string => `insert into ${own('twinspan_journal')}
      (migration, side, entity, key_text, attempts, due_at, parked, marked_at)
      values (${literal(scope.migration)}, '${scope.side}', ${literal(entity)}, ${keyExpression(row, facts, key)}, 0, 0, 0, ${NOW});`
  const mark = (row: string): string =>
    mayLackKey(request)
      ? `if ${key.map((column) => `${row}${quote(column)} is not null`).join(' and ')} then
      ${insert(row)}
    end if;`
      : insert(row)
  // `binary`: a change of case or of trailing spaces is a change of the key on the other side.
  const moved = key.map((column) => `not (binary new.${quote(column)} <=> binary old.${quote(column)})`).join(' or ')
  const events: readonly (readonly [string, string])[] = [
    ['insert', mark('new.')],
    ['update', `${mark('old.')}\n    if ${moved} then\n      ${mark('new.')}\n    end if;`],
    ['delete', mark('old.')],
  ]
  return events.map(([event, marks]) => {
    const body = `begin
  declare twinspan_accepted int default 0;
  if not exists (select 1 from ${own('twinspan_copying')} where migration = ${literal(scope.migration)} and connection = connection_id()) then
    select count(*) into twinspan_accepted from ${own('twinspan_fence')}
      where migration = ${literal(scope.migration)} and side = '${scope.side}' and open = 1 and primary_side = '${scope.side}'
      lock in share mode;
    if twinspan_accepted = 0 then
      signal sqlstate '45000' set message_text = ${literal(staleMessage(scope))};
    end if;
    ${marks}
  end if;
end`
    return trigger(
      triggerName(`capture_${event}`, scope, entity, facts.name, ...partName(request)),
      `after ${event}`,
      facts,
      body,
    )
  })
}

export function mysqlFreeze({ scope, facts, surroundings }: FreezeRequest): readonly Trigger[] {
  const sequence = qualified(surroundings.schema, deniedSequence(scope))
  return ['insert', 'update', 'delete'].map((event) => {
    const body = `begin
  ${surroundings.counts ? `do nextval(${sequence});` : ''}
  signal sqlstate '45000' set message_text = ${literal(frozenMessage(scope))};
end`
    const made = trigger(triggerName(`freeze_${event}`, scope, facts.name), `before ${event}`, facts, body)
    // Without a cache, so that the count is exact.
    return surroundings.counts
      ? { ...made, create: [`create sequence if not exists ${sequence} nocache`, ...made.create] }
      : made
  })
}

function trigger(
  name: string,
  event: string,
  facts: { readonly schema: string | undefined; readonly name: string },
  body: string,
): Trigger {
  const qualifiedName = qualified(facts.schema, name)
  return {
    name,
    definition: body,
    create: [`create trigger ${qualifiedName} ${event} on ${qualified(facts.schema, facts.name)} for each row ${body}`],
    drop: [`drop trigger if exists ${qualifiedName}`],
  }
}

/** `keyText` in SQL. */
function keyExpression(row: string, { columns }: TableFacts, key: readonly string[]): string {
  const part = (column: string): string => {
    const value = `${row}${quote(column)}`
    const integer = columns.find(({ name }) => name === column)?.kind === 'integer'
    // What is calculated has lost `zerofill`: the server writes 7 as 00007 where a driver hands out 7.
    return `convert(${integer ? `${value} + 0` : value} using utf8mb4)`
  }
  const [only] = key
  if (key.length === 1 && only !== undefined) return part(only)
  return `concat(${key.map((column) => `replace(replace(${part(column)}, '~', '~0'), '|', '~1')`).join(", '|', ")})`
}

function qualified(schema: string | undefined, name: string): string {
  return schema === undefined ? quote(name) : `${quote(schema)}.${quote(name)}`
}

function quote(identifier: string): string {
  return `\`${identifier.replaceAll('`', '``')}\``
}
