import { useState } from 'preact/hooks'
import { announce } from '../announce.js'
import { html } from '../html.js'

/** An identifier with a button that copies it. @param {{ text: string, label: string }} properties */
export function Copyable({ text, label }) {
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(text)
    announce(`${label} copied`)
    setCopied(true)
    setTimeout(() => setCopied(false), 1_500)
  }
  // Browsers offer the clipboard to secure origins only.
  const offered = globalThis.isSecureContext && navigator.clipboard !== undefined
  return html`<span class="copyable"
    ><code>${text}</code
    >${offered && html`<button type="button" class="copy" aria-label=${`Copy ${label}`} onClick=${copy}>${copied ? 'Copied' : 'Copy'}</button>`}</span
  >`
}
