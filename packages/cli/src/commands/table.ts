import type { AnyCommand } from '../program.ts'
import { advance } from './advance.ts'
import { archive } from './archive.ts'
import { audit } from './audit.ts'
import { backfillCommand } from './backfill.ts'
import { BACKFILL_CONTROL } from './backfill-control.ts'
import { certificate, verifyCertificateCommand } from './certificate.ts'
import { doctor } from './doctor.ts'
import { findings } from './findings.ts'
import { freeze } from './freeze.ts'
import { init } from './init.ts'
import { kill } from './kill.ts'
import { parked } from './parked.ts'
import { plan } from './plan.ts'
import { ramp } from './ramp.ts'
import { rearm } from './rearm.ts'
import { reconcileCommand } from './reconcile.ts'
import { resweep } from './resweep.ts'
import { retry } from './retry.ts'
import { rollback } from './rollback.ts'
import { status } from './status.ts'
import { thaw } from './thaw.ts'
import { verifyArchiveCommand } from './verify-archive.ts'
import { watch } from './watch.ts'

/** Every command, in the order of a migration. */
export const COMMANDS: readonly AnyCommand[] = [
  init,
  doctor,
  status,
  plan,
  advance,
  rollback,
  backfillCommand,
  ...BACKFILL_CONTROL,
  parked,
  retry,
  reconcileCommand,
  resweep,
  watch,
  findings,
  ramp,
  kill,
  rearm,
  freeze,
  thaw,
  archive,
  verifyArchiveCommand,
  certificate,
  verifyCertificateCommand,
  audit,
]
