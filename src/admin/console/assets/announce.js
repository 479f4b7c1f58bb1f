/** @type {((text: string) => void) | undefined} */
let speak

/** Says something to screen readers, politely. @param {string} text */
export function announce(text) {
  speak?.(text)
}

/** @param {((text: string) => void) | undefined} listener */
export function onAnnouncement(listener) {
  speak = listener
}
