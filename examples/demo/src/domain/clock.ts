/** Whole seconds since 1970: what the old schema can hold, and so what both keep until the old one is gone. */
export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000)
}
