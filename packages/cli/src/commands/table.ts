import type { AnyCommand } from '../program.ts'
import { advance } from './advance.ts'
import { archive } from './archive.ts'
import { audit } from './audit.ts'
import { backfillCommand } from './backfill.ts'
import { doctor } from './doctor.ts'
import { findings } from './findings.ts'
import { freeze } from './freeze.ts'
import { init } from './init.ts'
import { kill } from './kill.ts'
import { plan } from './plan.ts'
import { ramp } from './ramp.ts'
import { rearm } from './rearm.ts'
import { reconcileCommand } from './reconcile.ts'
import { rollback } from './rollback.ts'
import { status } from './status.ts'
import { verifyArchiveCommand } from './verify-archive.ts'

/** Every command, in the order of a migration. */
export const COMMANDS: readonly AnyCommand[] = [
  init,
  doctor,
  status,
  plan,
  advance,
  rollback,
  backfillCommand,
  reconcileCommand,
  findings,
  ramp,
  kill,
  rearm,
  freeze,
  archive,
  verifyArchiveCommand,
  audit,
]
