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

/** A logger of JSON lines on standard error. */
export function createLogger(options: LoggerOptions): Logger {
  // Standard output belongs to the ready line and to command results.
  const destination = options.destination ?? pino.destination({ dest: 2, sync: false })
  const root = pino(
    {
      level: options.level,
      base: redact(options.facts ?? {}) as Record<string, unknown>,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  )
  return facade(root, () => {
    if ('flushSync' in destination && typeof destination.flushSync === 'function') flushQuietly(destination)
  })
}

function flushQuietly(destination: DestinationStream): void {
  try {
    ;(destination as DestinationStream & { flushSync(): void }).flushSync()
  } catch {
    // A destination that is not open yet, or closed already, has nothing to flush.
  }
}

function facade(target: PinoLogger, flush: () => void): Logger {
  const writer = (level: Exclude<LogLevel, 'silent'>) => (message: string, facts?: LogFacts) => {
    if (!target.isLevelEnabled(level)) return
    if (facts === undefined) target[level](redactText(message))
    else target[level](redact(facts), redactText(message))
  }
  return {
    trace: writer('trace'),
    debug: writer('debug'),
    info: writer('info'),
    warn: writer('warn'),
    error: writer('error'),
    fatal: writer('fatal'),
    request: (entry) => {
      const level = entry.status >= 500 && entry.status !== 503 ? 'error' : 'info'
      // The line is made of names that are known to be harmless, so it is spared the walk through redaction.
      if (target.isLevelEnabled(level)) target[level](requestLine(entry), 'request')
    },
    with: (facts) => facade(target.child(redact(facts) as Record<string, unknown>), flush),
    enabled: (level) => target.isLevelEnabled(level),
    flush,
  }
}
