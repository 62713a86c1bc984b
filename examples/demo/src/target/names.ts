export interface SplitName {
  readonly given_name: string | null
  readonly family_name: string
}

/** Splits at the last space. `joinName` gives back exactly what was split, whatever it was. */
export function splitName(full: string): SplitName {
  const at = full.lastIndexOf(' ')
  return at < 0
    ? { given_name: null, family_name: full }
    : { given_name: full.slice(0, at), family_name: full.slice(at + 1) }
}

export function joinName({ given_name, family_name }: SplitName): string {
  return given_name === null ? family_name : `${given_name} ${family_name}`
}
