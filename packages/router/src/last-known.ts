import { existsSync, readFileSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Document, InvalidOptionError, type Json, parseRollout, textOption } from '@twinspan/core'

/**
 * The last rollout that this process knew of, in a file, for the time between its start and its first look at a store that may
 * be away or may have lost a kill. It can keep the process on legacy; nobody is ever sent to target because of it.
 */
export interface LastKnown {
  /** What the file says of this migration; `undefined` when there is none that can be read. */
  read(): Document | undefined
  /** Replaces the file. Never rejects: a full disk must not hold up the rollout. */
  write(document: Document): Promise<void>
}

/** @throws InvalidOptionError where no file can be: whoever asks for it relies on it */
export function createLastKnown(given: string, migration: string): LastKnown {
  const path = textOption('lastKnown', given, 'createRouter')
  if (!existsSync(dirname(path))) throw new InvalidOptionError('lastKnown', path, 'a path in a folder that exists')
  let last: Promise<void> = Promise.resolve()
  let writes = 0
  return {
    read() {
      try {
        const stored = JSON.parse(readFileSync(path, 'utf8')) as Partial<Document> & { readonly migration?: string }
        const { value, version } = stored
        if (stored.migration !== migration || typeof version !== 'number') return undefined
        return parseRollout(value) === undefined ? undefined : { value: value as Json, version }
      } catch {
        return undefined
      }
    },
    write({ value, version }) {
      // One after the other, and each in one step: a process may be killed at any moment, and another may share the file.
      const half = `${path}.${process.pid}.${++writes}`
      last = last
        .then(async () => {
          await writeFile(half, JSON.stringify({ migration, value, version }), { mode: 0o600 })
          await rename(half, path)
        })
        .catch(() => {})
      return last
    },
  }
}
