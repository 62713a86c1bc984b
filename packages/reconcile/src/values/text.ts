import type { FieldReason } from './compare-values.ts'
import { differenceOfMilliseconds, instantOf } from './instants.ts'
import { canonicalJson, jsonOf } from './json.ts'
import { differenceOfNumbers, isNumeric } from './numbers.ts'

/** Text equals itself only; the reason tells what would make the two equal. */
export function differenceOfText(expected: string, actual: string): FieldReason | null {
  if (expected === actual) return null
  if (expected.trimEnd() === actual.trimEnd()) return 'padding'
  if (expected.normalize('NFC') === actual.normalize('NFC')) return 'unicode-form'
  if (expected.toLowerCase() === actual.toLowerCase()) return 'case'
  if (isMisread(expected, actual) || isMisread(actual, expected)) return 'encoding'
  if (isNumeric(expected) && isNumeric(actual)) {
    return differenceOfNumbers(expected, actual) === 'value' ? 'value' : 'precision'
  }
  return shiftOf(expected, actual) ?? (sameDocument(expected, actual) ? 'json-order' : 'value')
}

/** UTF-8 that somebody read as Latin-1, or that lost characters on the way. */
function isMisread(right: string, wrong: string): boolean {
  if (Buffer.from(right, 'utf8').toString('latin1') === wrong) return true
  if (!/[?\ufffd]/.test(wrong) || right.length !== wrong.length) return false
  return Array.from(wrong).every(
    (char, at) => char === right[at] || ((char === '?' || char === '\ufffd') && right.charCodeAt(at) > 127),
  )
}

function shiftOf(a: string, b: string): FieldReason | null {
  const [left, right] = [instantOf(a), instantOf(b)]
  if (left === undefined || right === undefined) return null
  const reason = differenceOfMilliseconds(left, right)
  return reason === 'timezone-shift' || reason === 'precision' ? reason : null
}

function sameDocument(a: string, b: string): boolean {
  if (!/^\s*[[{]/.test(a) || !/^\s*[[{]/.test(b)) return false
  return canonicalJson(jsonOf(a)) === canonicalJson(jsonOf(b))
}
