export interface Region {
  readonly country: string
  readonly admin: string
}

/** `AD` and `02` become `AD.02`. A country has no dot in it; a division may be empty. */
export function joinRegion({ country, admin }: Region): string {
  return `${country}.${admin}`
}

export function splitRegion(region: string): Region {
  const at = region.indexOf('.')
  return { country: region.slice(0, at), admin: region.slice(at + 1) }
}
