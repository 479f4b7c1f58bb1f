import type { AppType, DataClass } from '../tenant/tenant.ts'

/** A part of an authority's keys: those of one app of a site or, with a data class, of one kind of its content. */
export interface KeyArea {
  readonly site: string
  readonly app: AppType
  readonly dataClass?: DataClass
}

/** What a key belongs to; wrapped keys have it. */
export interface KeyPlace extends Required<KeyArea> {
  readonly authorityId: string
}

/** One name for an area of an authority; for all its keys without an area. */
export function areaName(authorityId: string, area: KeyArea | undefined): string {
  if (area === undefined) return authorityId
  const app = `${authorityId}\n${area.site}/${area.app}`
  return area.dataClass === undefined ? app : `${app}/${area.dataClass}`
}

/** True when a key lies in an area of its authority. */
export function isInArea(place: Required<KeyArea>, area: KeyArea | undefined): boolean {
  if (area === undefined) return true
  if (place.site !== area.site || place.app !== area.app) return false
  return area.dataClass === undefined || place.dataClass === area.dataClass
}
