import { render } from 'preact'
import { Console } from './console.js'
import { html } from './html.js'

render(html`<${Console} />`, /** @type {HTMLElement} */ (document.getElementById('console')))
