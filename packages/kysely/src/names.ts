import { InvalidOptionError, textOption } from '@twinspan/core'

const LONGEST = 120

/** A name that is part of keys, literals and messages on every engine. */
export function nameOption(option: string, value: string): string {
  const name = textOption(option, value)
  // Backslashes end literals on MySQL, `$twinspan$` ends functions on PostgreSQL.
  if (name.length > LONGEST || /[\p{Cc}\\]|\$twinspan\$/u.test(name)) {
    throw new InvalidOptionError(
      option,
      value,
      `at most ${LONGEST} characters without backslashes and control characters`,
    )
  }
  return name
}
