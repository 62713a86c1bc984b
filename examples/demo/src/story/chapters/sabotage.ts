import { openLegacyFile } from '../../legacy/schema.ts'
import type { Stage } from '../stage.ts'

/**
 * Loses one acknowledged write, to show that the report would notice. The journal row of the write is deleted in the
 * transaction that makes it, so no mirror ever sees it; the key is one that nobody writes again.
 */
export async function loseWrite({ screen, traffic, paths }: Stage): Promise<void> {
  const key = await traffic.call<number>('reserved-key')
  const database = openLegacyFile(paths.legacy)
  try {
    database.exec(`
      create table sabotage (dropped integer not null);
      create trigger sabotage after insert on twinspan_journal
      when new.entity = 'places' and new.key_text = '${key}' begin
        delete from twinspan_journal where id = new.id;
        insert into sabotage values (1);
      end`)
    await traffic.call('edit-reserved')
    const { dropped } = database.prepare('select count(*) as dropped from sabotage').get() as { dropped: number }
    database.exec('drop trigger sabotage; drop table sabotage')
    if (dropped === 0) throw new Error('The sabotage came to nothing: no journal row was dropped.')
    screen.event(`sabotage: an edit of place ${key} was acknowledged and its journal row dropped`, 'fault')
  } finally {
    database.close()
  }
}
