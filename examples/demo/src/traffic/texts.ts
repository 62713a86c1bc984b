import type { PlaceDraft } from '../domain/place.ts'

/** What people type into names: scripts, quotes, combining marks, characters beyond 16 bits, separators, odd spaces. */
const PIECES = [
  'Ängelholm',
  "L'Aquila",
  'Сокол',
  '東京',
  'مراكش',
  'Thành phố',
  'कोलकाता',
  'e\u0301cole',
  '𐍈',
  '👩‍🌾',
  'a\\b',
  '"q"',
  'x;y',
  'semi,colon',
  'tab\there',
  '  spaced  ',
  'ß',
  'İstanbul',
  '한국',
  'ไทย',
] as const

export function pick<T>(items: readonly T[]): T {
  return items[Math.floor(Math.random() * items.length)] as T
}

/** A place as a user might enter it, different every time. */
export function inventDraft(country: string, serial: number): PlaceDraft {
  return {
    name: `${pick(PIECES)} ${serial}`,
    variants: Array.from({ length: Math.floor(Math.random() * 4) }, () => pick(PIECES)),
    country,
    admin: pick(['', '01', '02', 'NM', 'ENG']),
    feature: pick(['PPL', 'PPLA', 'PPLX']),
    population: Math.floor(Math.random() * 1_000_000),
    // All the digits that a double has, and round ones.
    latitude: Math.random() < 0.5 ? Math.random() * 180 - 90 : Math.floor(Math.random() * 90),
    longitude: Math.random() < 0.5 ? Math.random() * 360 - 180 : -Math.floor(Math.random() * 180 + 1) / 8,
    elevation: Math.random() < 0.3 ? null : Math.floor(Math.random() * 4_000) - 200,
  }
}

export function inventName(serial: number): string {
  return pick([
    `Ana María ${pick(PIECES)}`,
    `${serial}`,
    `Jean  Luc ${serial}`,
    ` ${pick(PIECES)} ${serial}`,
    `Ольга ${serial}-я `,
  ])
}
