import { InvalidKeyError } from '@twinspan/core'
import type { Scope } from '../dialect.ts'
import { staleMessage } from '../triggers.ts'
import { FENCE_LOCKS, fenceLock } from './postgres-fence.ts'
import { tellSleepers } from './postgres-wake.ts'

/**
 * The fence's check and the marks as one call: one round trip, plans that the server keeps, and a snapshot that is taken
 * after the lock. Under REPEATABLE READ and above the row itself is locked, and a change of it refused, as in the triggers.
 */
export function marksFunction(schema: string): string {
  const own = (name: string): string => `"${schema.replaceAll('"', '""')}"."${name}"`
  const fence = `select fence.open = 1 and fence.primary_side = the_side into accepted from ${own('twinspan_fence')} fence
      where fence.migration = the_migration and fence.side = the_side`
  return `create or replace function ${own('twinspan_mark')}
  (the_migration text, the_side text, the_lock int, the_refusal text, the_entity text, the_keys text[])
returns void language plpgsql as $twinspan$
declare
  accepted boolean;
begin
  perform pg_catalog.pg_advisory_xact_lock_shared(${FENCE_LOCKS}, the_lock);
  if pg_catalog.current_setting('transaction_isolation') = 'read committed' then
    ${fence};
  else
    begin
      ${fence} for share;
    exception when serialization_failure then
      accepted := null;
    end;
  end if;
  if accepted is not true then
    raise exception using message = the_refusal, errcode = 'TW001';
  end if;
  insert into ${own('twinspan_journal')} (migration, side, entity, key_text, attempts, due_at, parked, marked_at)
    select the_migration, the_side, the_entity, key, 0, 0, 0, (extract(epoch from clock_timestamp()) * 1000)::bigint
    from unnest(the_keys) key;
  ${tellSleepers('the_lock')}
end;
$twinspan$`
}

/** The call, without parameters: so it can be sent together with the commit. `schema` is the one that the application chose. */
export function marksCall(
  schema: string | undefined,
  scope: Scope,
): (entity: string, keyTexts: readonly string[]) => string {
  const name = schema === undefined ? 'twinspan_mark' : `"${schema.replaceAll('"', '""')}".twinspan_mark`
  const values = [text(scope.migration), text(scope.side), fenceLock(scope), text(staleMessage(scope))].join(', ')
  return (entity, keyTexts) =>
    `select ${name}(${values}, ${text(entity)}, array[${keyTexts.map(text).join(', ')}]::text[])`
}

/** A literal that says the same whatever `standard_conforming_strings` is. */
function text(value: string): string {
  // It would end the statement.
  if (value.includes('\0')) throw new InvalidKeyError(value)
  return `E'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
}
