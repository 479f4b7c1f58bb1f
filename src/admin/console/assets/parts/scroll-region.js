import { useEffect, useRef, useState } from 'preact/hooks'
import { html } from '../html.js'

/**
 * What may be wider than its place. Only where it is, the keyboard stops at it to scroll.
 * @param {{ label: string, children?: any }} properties
 */
export function ScrollRegion({ label, children }) {
  const region = useRef(/** @type {HTMLElement | null} */ (null))
  const [wider, setWider] = useState(false)
  useEffect(() => {
    const element = region.current
    if (element === null) return undefined
    const measure = () => setWider(element.scrollWidth > element.clientWidth)
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    if (element.firstElementChild !== null) observer.observe(element.firstElementChild)
    return () => observer.disconnect()
  }, [])
  const reachable = wider ? { role: 'region', 'aria-label': label, tabindex: 0 } : {}
  return html`<div class="table-scroll" ref=${region} ...${reachable}>${children}</div>`
}
