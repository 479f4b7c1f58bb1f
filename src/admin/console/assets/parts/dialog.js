import { useEffect, useId, useRef } from 'preact/hooks'
import { html } from '../html.js'

/**
 * A modal dialog: the browser keeps the focus inside, Escape closes it, and the focus returns to where it was.
 * @param {{ title: string, onClose: () => void, children?: any }} properties
 */
export function Dialog({ title, onClose, children }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null))
  const titleId = useId()
  useEffect(() => {
    const opener = document.activeElement
    dialog.current?.showModal()
    return () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus()
    }
  }, [])
  return html`<dialog ref=${dialog} aria-labelledby=${titleId} onClose=${onClose}>
    <h2 id=${titleId}>${title}</h2>
    ${children}
  </dialog>`
}
