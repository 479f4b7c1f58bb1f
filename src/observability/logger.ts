import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino'
import { redact, redactText } from './redact.ts'
import { requestLine, type RequestLogEntry } from './request-line.ts'

/** Lowest level that is written. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/** Facts of a log line; passed through redaction, so a secret under a known name or shape never gets out. */
type LogFacts = Readonly<Record<string, unknown>>

/** What other modules receive. The message is a fixed text: put what varies into the facts. */
export interface Logger {
  trace(message: string, facts?: LogFacts): void
  debug(message: string, facts?: LogFacts): void
  info(message: string, facts?: LogFacts): void
  warn(message: string, facts?: LogFacts): void
  error(message: string, facts?: LogFacts): void
  fatal(message: string, facts?: LogFacts): void
  /** Writes one line for a finished request: `info`, or `error` where the gateway or a store is at fault. */
  request(entry: RequestLogEntry): void
  /** A logger whose lines all carry these facts. */
  with(facts: LogFacts): Logger
  /** True when lines of this level are written; spares building facts nobody sees. */
  enabled(level: Exclude<LogLevel, 'silent'>): boolean
  /** Writes what is still buffered; for the end of the process. */
  flush(): void
}

/** How lines are written. */
export interface LoggerOptions {
  readonly level: LogLevel
  /** Facts on every line, such as the process's role. */
  readonly facts?: LogFacts
  /** Standard error unless given. */
  readonly destination?: DestinationStream
}

/** Lines waiting for a standard error that nobody reads; beyond it they are dropped instead of filling the memory. */
const WAITING_BYTES_MAX = 8 * 1024 * 1024

/** A logger of JSON lines on standard error. */
export function createLogger(options: LoggerOptions): Logger {
  // Standard output belongs to the ready line and to command results.
  const destination =
    options.destination ?? pino.destination({ dest: 2, sync: false, maxLength: WAITING_BYTES_MAX })
  const facts = redact(options.facts ?? {}) as Record<string, unknown>
  const target = pino(
    {
      level: options.level,
      base: facts,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  )
  return facade({ target, destination, facts })
}

function flushQuietly(destination: DestinationStream): void {
  try {
    ;(destination as DestinationStream & { flushSync(): void }).flushSync()
  } catch {
    // A destination that is not open yet, or closed already, has nothing to flush.
  }
}

interface Sink {
  readonly target: PinoLogger
  readonly destination: DestinationStream
  /** Facts on every line, redacted. */
  readonly facts: Readonly<Record<string, unknown>>
}

function facade(sink: Sink): Logger {
  const { target, destination } = sink
  const writer = (level: Exclude<LogLevel, 'silent'>) => (message: string, facts?: LogFacts) => {
    if (!target.isLevelEnabled(level)) return
    if (facts === undefined) target[level](redactText(message))
    else target[level](redact(facts), redactText(message))
  }
  const inherited = JSON.stringify(sink.facts).slice(1, -1)
  const prefix = inherited === '' ? '' : `,${inherited}`
  return {
    trace: writer('trace'),
    debug: writer('debug'),
    info: writer('info'),
    warn: writer('warn'),
    error: writer('error'),
    fatal: writer('fatal'),
    request: (entry) => {
      const level = entry.status >= 500 && entry.status !== 503 ? 'error' : 'info'
      if (!target.isLevelEnabled(level)) return
      // One for every request: made of names that are known to be harmless, so it is spared the walks through
      // redaction and through pino, which together cost more than handling a small request may.
      const facts = JSON.stringify(requestLine(entry)).slice(1, -1)
      destination.write(`{"level":"${level}","time":"${isoTime()}"${prefix},${facts},"msg":"request"}\n`)
    },
    with: (facts) => {
      const added = redact(facts) as Record<string, unknown>
      return facade({ target: target.child(added), destination, facts: { ...sink.facts, ...added } })
    },
    enabled: (level) => target.isLevelEnabled(level),
    flush: () => {
      if ('flushSync' in destination && typeof destination.flushSync === 'function') flushQuietly(destination)
    },
  }
}

let lastTimeMs = 0
let lastTime = ''

function isoTime(): string {
  const nowMs = Date.now()
  if (nowMs !== lastTimeMs) {
    lastTimeMs = nowMs
    lastTime = new Date(nowMs).toISOString()
  }
  return lastTime
}
