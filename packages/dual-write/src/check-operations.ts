import { InvalidOptionError, numberOption } from '@twinspan/core'
import type { AnyOperation } from './operation.ts'

/** Throws with its name for an option of an operation that cannot be meant. */
export function checkOperations(
  operations: Readonly<Record<string, AnyOperation | undefined>>,
  { targetIsFunction }: { readonly targetIsFunction: boolean },
): void {
  for (const [name, operation] of Object.entries(operations)) {
    const option = (of: string): string => `operations.${name}.${of}`
    if (operation?.kind === 'read') {
      numberOption(option('shadowRate'), operation.options.shadowRate, 0, { min: 0, max: 1 })
      numberOption(option('timeoutMs'), operation.options.timeoutMs, 1, { min: 1 })
    }
    if (operation?.kind !== 'write') continue
    const { mirror = 'state', key, waitForMirror } = operation.options
    numberOption(option('waitForMirror.budgetMs'), waitForMirror?.budgetMs, 0, { min: 0 })
    if (mirror === 'state') continue
    if (mirror !== 'call') throw new InvalidOptionError(option('mirror'), mirror, "'state' or 'call'")
    if (key === undefined)
      throw new InvalidOptionError(option('mirror'), mirror, "'state', because it has no single key")
    if (!targetIsFunction) {
      const why = `a function (connection) => repository, because "${name}" has mirror: 'call'`
      throw new InvalidOptionError('target', 'an object', why)
    }
  }
}
