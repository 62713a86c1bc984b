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
import { FENCE_LOCKS, fenceLock } from './postgres-fence.ts'
import { tellSleepers } from './postgres-wake.ts'

/** Where refused writes are counted: what a sequence gave out survives the rollback of the statement that took it. */
export function deniedSequence(scope: Scope): string {
  return triggerName('denied', scope)
}

export function postgresCapture(request: CaptureRequest): readonly Trigger[] {
  const { scope, entity, facts, key, part, surroundings } = request
  const ownSchema = surroundings.schema
  const own = (name: string): string => qualified(ownSchema, name)
  const table = qualified(facts.schema, facts.name)
  const values = (keyText: string): string =>
    `${literal(scope.migration)}, '${scope.side}', ${literal(entity)}, ${keyText}, 0, 0, 0, (extract(epoch from clock_timestamp()) * 1000)::bigint`
  const insert = `insert into ${own('twinspan_journal')} (migration, side, entity, key_text, attempts, due_at, parked, marked_at)`
  const fence = `select fence.open = 1 and fence.primary_side = '${scope.side}' into accepted from ${own('twinspan_fence')} fence
      where fence.migration = ${literal(scope.migration)} and fence.side = '${scope.side}'`
  // Under READ COMMITTED the statement after the lock sees what the lock waited for. Older snapshots must not: there the
  // row itself is locked. That it has changed since is told like any other refusal: the wrapper sends the write once more.
  const guard = `if current_setting('twinspan.copying', true) = ${literal(scope.migration)} then
    return null;
  end if;
  perform pg_advisory_xact_lock_shared(${FENCE_LOCKS}, ${fenceLock(scope)});
  if current_setting('transaction_isolation') = 'read committed' then
    ${fence};
  else
    begin
      ${fence} for share;
    exception when serialization_failure then
      accepted := null;
    end;
  end if;
  if accepted is not true then
    raise exception using message = ${literal(staleMessage(scope))}, errcode = 'TW001';
  end if;`
  const [row = '', truncate = ''] = ['capture', 'truncate'].map((kind) =>
    triggerName(kind, scope, entity, facts.schema, facts.name, ...partName(request)),
  )
  const present = (from: string): string => key.map((column) => `${from}${quote(column)} is not null`).join(' and ')
  const if_ = (condition: string, from: string): string =>
    mayLackKey(request) ? `(${condition}) and ${present(from)}` : condition
  const moved = key.map((column) => differ(facts, column)).join(' or ')
  const rowBody = `
declare accepted boolean;
begin
  ${guard}
  if ${if_(`tg_op <> 'INSERT'`, 'old.')} then
    ${insert} values (${values(keyExpression('old.', key))});
  end if;
  if ${if_(`tg_op = 'INSERT' or (tg_op = 'UPDATE' and (${moved}))`, 'new.')} then
    ${insert} values (${values(keyExpression('new.', key))});
  end if;
  ${tellSleepers(fenceLock(scope))}
  return null;
end;
`
  // No row trigger sees a TRUNCATE. Before it the rows are still there to be marked.
  const truncateBody = `
declare accepted boolean;
begin
  ${guard}
  ${insert} select ${values('marked.key_text')} from (
    select ${part ? 'distinct ' : ''}${keyExpression('victim.', key)} as key_text
      from ${table} victim${mayLackKey(request) ? ` where ${present('victim.')}` : ''}
  ) marked;
  ${tellSleepers(fenceLock(scope))}
  return null;
end;
`
  return [
    trigger(row, table, ownSchema, 'after insert or update or delete', 'row', rowBody),
    trigger(truncate, table, ownSchema, 'before truncate', 'statement', truncateBody),
  ]
}

export function postgresFreeze({ scope, facts, surroundings }: FreezeRequest): readonly Trigger[] {
  const ownSchema = surroundings.schema
  const name = triggerName('freeze', scope, facts.schema, facts.name)
  const sequence = qualified(ownSchema, deniedSequence(scope))
  const body = `
begin
  perform nextval(${literal(sequence)});
  raise exception using message = ${literal(frozenMessage(scope))}, errcode = 'TW002';
end;
`
  const freeze = trigger(
    name,
    qualified(facts.schema, facts.name),
    ownSchema,
    'before insert or update or delete or truncate',
    'statement',
    body,
  )
  return [{ ...freeze, create: [`create sequence if not exists ${sequence}`, ...freeze.create] }]
}

function trigger(
  name: string,
  table: string,
  ownSchema: string | undefined,
  event: string,
  level: 'row' | 'statement',
  body: string,
): Trigger {
  const call = qualified(ownSchema, name)
  return {
    name,
    definition: body,
    create: [
      // By its owner's rights: whoever writes the table need not be granted anything of ours.
      `create or replace function ${call}() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $twinspan$${body}$twinspan$`,
      `create trigger ${quote(name)} ${event} on ${table} for each ${level} execute function ${call}()`,
      // Also under session_replication_role = replica, which skips ordinary triggers.
      `alter table ${table} enable always trigger ${quote(name)}`,
    ],
    drop: [`drop trigger if exists ${quote(name)} on ${table}`, `drop function if exists ${call}()`],
  }
}

/**
 * `keyText` in SQL. `concat` writes a value as it is sent to clients; a cast would cut the padding of `char(n)`.
 */
function keyExpression(row: string, key: readonly string[]): string {
  const part = (column: string): string => `concat(${row}${quote(column)})`
  const [only] = key
  if (key.length === 1 && only !== undefined) return part(only)
  return key.map((column) => `replace(replace(${part(column)}, '~', '~0'), '|', '~1')`).join(" || '|' || ")
}

/** Whether a key's column has another text than before. */
function differ({ columns }: TableFacts, column: string): string {
  const { kind, byteEquality } = columns.find(({ name }) => name === column) ?? { kind: 'other' }
  const before = `old.${quote(column)}`
  const after = `new.${quote(column)}`
  // 7.0 and 7.00 are equal numbers, 'a' and 'A' equal values of citext: each is another key.
  const exact = kind === 'integer' || kind === 'uuid' || (kind === 'text' && byteEquality)
  if (exact) return `${after} is distinct from ${before}`
  return `concat(${after}) collate "C" is distinct from concat(${before}) collate "C"`
}

function qualified(schema: string | undefined, name: string): string {
  return schema === undefined ? quote(name) : `${quote(schema)}.${quote(name)}`
}

function quote(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`
}
