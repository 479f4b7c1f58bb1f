let until = 0
let text = ''

/** The current time as HTTP writes it (RFC 9110 section 5.6.7), made once a second. */
export function httpDate(): string {
  const now = Date.now()
  if (now >= until || now < until - 1000) {
    until = now - (now % 1000) + 1000
    text = new Date(now).toUTCString()
  }
  return text
}
