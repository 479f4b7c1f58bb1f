/** Hands a file to the browser's downloads. @param {string} fileName @param {Blob} content */
export function saveFile(fileName, content) {
  const address = URL.createObjectURL(content)
  const link = document.createElement('a')
  link.href = address
  link.download = fileName
  link.click()
  // The download holds the content by then.
  setTimeout(() => URL.revokeObjectURL(address), 60_000)
}
