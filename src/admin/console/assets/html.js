import htm from 'htm'
import { h } from 'preact'

/** Markup as tagged templates. Every value becomes a text node or a property: nothing is ever parsed as HTML. */
export const html = /** @type {any} */ (htm).bind(h)
