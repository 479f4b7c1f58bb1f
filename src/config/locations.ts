/** A data residency location: where an organization's keys and app data live. */
export interface Location {
  /** Stable identifier, part of `vendor:<location>`. */
  readonly id: string
  readonly name: string
  /** AWS regions, primary first; a key must exist in every one. */
  readonly regions: readonly string[]
}

/** All locations there are. */
export const LOCATIONS: readonly Location[] = [
  { id: 'europe', name: 'Europe', regions: ['eu-central-1', 'eu-west-1'] },
  { id: 'usa', name: 'USA', regions: ['us-east-1', 'us-west-2'] },
  { id: 'australia', name: 'Australia', regions: ['ap-southeast-2'] },
  { id: 'canada', name: 'Canada', regions: ['ca-central-1'] },
  { id: 'germany', name: 'Germany', regions: ['eu-central-1'] },
  { id: 'india', name: 'India', regions: ['ap-south-1'] },
  { id: 'japan', name: 'Japan', regions: ['ap-northeast-1'] },
  { id: 'south-korea', name: 'South Korea', regions: ['ap-northeast-2'] },
  { id: 'singapore', name: 'Singapore', regions: ['ap-southeast-1'] },
  { id: 'united-kingdom', name: 'United Kingdom', regions: ['eu-west-2'] },
]

const BY_ID = new Map(LOCATIONS.map((location) => [location.id, location]))

/** The location with this identifier. */
export function locationById(id: string): Location | undefined {
  return BY_ID.get(id)
}

/** Locations that keep data in this region: `eu-central-1` is in Europe and in Germany. */
export function locationsOfRegion(region: string): Location[] {
  return LOCATIONS.filter((location) => location.regions.includes(region))
}
