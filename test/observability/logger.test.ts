import { describe, expect, it } from 'vitest'
import { createLogger, type LogLevel } from '../../src/observability/logger.ts'
import type { RequestLogEntry } from '../../src/observability/request-line.ts'

function recording(level: LogLevel) {
  const lines: string[] = []
  const logger = createLogger({
    level,
    facts: { process: 'gateway' },
    destination: { write: (line: string) => void lines.push(line) },
  })
  return { logger, lines, records: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) }
}

const ENTRY: RequestLogEntry = {
  requestId: 'request-1',
  method: 'GET',
  target: '/jira/issue/10001?jql=hunter2',
  route: '/issue/{id}',
  store: 'jira',
  site: 'acme',
  app: 'jira',
  caller: 'tracker',
  status: 200,
  durationMs: 1.23456,
  requestBytes: 0,
  responseBytes: 512,
  errorCode: undefined,
}

describe('the log', () => {
  it('is one line of JSON with level, time, facts and message', () => {
    const { logger, lines, records } = recording('info')
    logger.info('started', { port: 8080 })
    expect(lines[0]).toMatch(/^\{.*\}\n$/)
    expect(records()[0]).toMatchObject({ level: 'info', process: 'gateway', msg: 'started', port: 8080 })
    expect(records()[0]?.['time']).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  })

  it('writes nothing below its level', () => {
    const { logger, lines } = recording('warn')
    logger.debug('no')
    logger.info('no')
    logger.request(ENTRY)
    logger.warn('yes')
    expect(lines).toHaveLength(1)
    expect([logger.enabled('info'), logger.enabled('error')]).toEqual([false, true])
  })

  it('writes nothing at all when silent', () => {
    const { logger, lines } = recording('silent')
    logger.fatal('no')
    expect(lines).toEqual([])
  })

  it.each(['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const)(
    'keeps secrets out at level %s, even in the message',
    (level) => {
      const { logger, lines } = recording('trace')
      logger[level]('sent Bearer hunter2', {
        authorization: 'hunter2',
        nested: { cookie: 'hunter2' },
        error: new Error('"hunter2"'),
      })
      expect(lines).toHaveLength(1)
      expect(lines[0]).not.toContain('hunter2')
    },
  )

  it('keeps secrets out of facts that later lines inherit', () => {
    const { logger, lines } = recording('debug')
    logger.with({ token: 'hunter2', store: 'jira' }).debug('line')
    expect(lines[0]).toContain('"store":"jira"')
    expect(lines[0]).not.toContain('hunter2')
  })

  it('cannot be made to write two lines by a line feed', () => {
    const { logger, lines } = recording('info')
    logger.info('one\n{"level":"fatal"}', { text: 'two\n{"level":"fatal"}' })
    expect(lines.join('').split('\n')).toHaveLength(2)
  })

  it('has a line for a request, without its query', () => {
    const { logger, lines, records } = recording('info')
    logger.request(ENTRY)
    expect(records()[0]).toEqual({
      level: 'info',
      time: expect.any(String) as string,
      process: 'gateway',
      msg: 'request',
      requestId: 'request-1',
      method: 'GET',
      path: '/jira/issue/10001',
      route: '/issue/{id}',
      store: 'jira',
      site: 'acme',
      app: 'jira',
      caller: 'tracker',
      status: 200,
      durationMs: 1.235,
      requestBytes: 0,
      responseBytes: 512,
    })
    expect(lines[0]).not.toContain('hunter2')
  })

  it('has inherited facts on the line of a request as on any other', () => {
    const { logger, lines, records } = recording('info')
    const inner = logger.with({ worker: 2, token: 'hunter2' })
    inner.request(ENTRY)
    inner.info('other')
    expect(records()).toMatchObject([
      { worker: 2, process: 'gateway', msg: 'request' },
      { worker: 2, process: 'gateway', msg: 'other' },
    ])
    expect(lines.join('')).not.toContain('hunter2')
  })

  it('keeps the line of a request one line of JSON whatever its parts hold', () => {
    const { logger, lines, records } = recording('info')
    logger.request({ ...ENTRY, requestId: 'a"\n\u2028}', target: '/a"\n', route: '"', method: '"\n' })
    expect(lines.join('').split('\n')).toHaveLength(2)
    expect(records()[0]).toMatchObject({ requestId: 'a"\n\u2028}', route: '"' })
  })

  it('has the cause of a failed request, without what it may repeat', () => {
    const { logger, lines, records } = recording('info')
    logger.request({
      ...ENTRY,
      status: 500,
      errorCode: 'internal',
      error: new SyntaxError('Unexpected token in "hunter2"'),
    })
    expect(records()[0]).toMatchObject({
      level: 'error',
      errorCode: 'internal',
      error: { type: 'SyntaxError' },
    })
    expect(lines[0]).not.toContain('hunter2')
  })

  it('does not call an outage of the key service or a drain an error of the gateway', () => {
    const { logger, records } = recording('info')
    logger.request({ ...ENTRY, status: 503, errorCode: 'draining' })
    logger.request({ ...ENTRY, status: 423, errorCode: 'tenant-suspended' })
    expect(records().map(({ level }) => level)).toEqual(['info', 'info'])
  })

  it('can be flushed whatever the destination', () => {
    const { logger } = recording('info')
    expect(() => logger.flush()).not.toThrow()
  })
})
