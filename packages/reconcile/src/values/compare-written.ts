import type { CanonicalForm } from '@twinspan/core'
import type { FieldReason } from './compare-values.ts'
import { differenceOfText } from './text.ts'

/** How two values in one canonical form differ; `null` when they are the same. `null` is NULL. */
export function differenceOfWritten(
  form: CanonicalForm,
  expected: string | null,
  actual: string | null,
): FieldReason | null {
  if (expected === actual) return null
  if (expected === null || actual === null) return expected === '' || actual === '' ? 'null-vs-empty' : 'value'
  switch (form) {
    case 'double':
      // Two engines may have different shortest names for one double: 6.929552204470682e16 is 6.9295522044706816e16.
      if (NUMBER.test(expected) && NUMBER.test(actual) && Number(expected) === Number(actual)) return null
      return differenceOfText(expected, actual)
    case 'integer':
    case 'decimal': {
      const [left, right] = [exactNumber(expected), exactNumber(actual)]
      // Two engines may write one number in two ways, and a new one in a third.
      if (left !== undefined && left === right) return null
      return differenceOfText(expected, actual)
    }
    case 'date':
    case 'time':
    case 'datetime':
    case 'instant':
      return withoutFraction(expected) === withoutFraction(actual) ? 'precision' : differenceOfText(expected, actual)
    case 'uuid':
    case 'bytes':
      return 'value'
    case 'text':
      return differenceOfText(expected, actual)
  }
}

const NUMBER = /^(-?)(?=\.?\d)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i

/** Sign, digits without zeros at either end, and where the point stands: the same for the same number, whatever its size. */
function exactNumber(text: string): string | undefined {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = NUMBER.exec(text) ?? []
  if (whole + fraction === '') return undefined
  const digits = `${whole}${fraction}`.replace(/^0+/, '')
  if (digits === '') return '0'
  const kept = digits.replace(/0+$/, '')
  return `${sign}${kept}e${Number(exponent) - fraction.length + digits.length - kept.length}`
}

function withoutFraction(moment: string): string {
  return moment.replace(/\.\d+$/, '')
}
