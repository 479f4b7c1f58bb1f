import { runProgram } from './cli/program.ts'
import { askQuestion } from './cli/question.ts'
import type { ToProcess } from './replica/messages.ts'

const stop = new AbortController()
let signals = 0
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    signals += 1
    // A second signal means that draining takes too long for whoever sent it.
    if (signals > 1) process.exit(1)
    stop.abort()
  })
}

// Timers of the gateway's parts do not keep a process alive; a command under way must.
const underWay = setInterval(() => {}, 60_000)
const { stdin, stdout, stderr } = process
const code = await runProgram(process.argv.slice(2), {
  environment: process.env,
  print: (text) => void stdout.write(text),
  printError: (text) => void stderr.write(text),
  drawsProgress: stderr.isTTY,
  ...(stdin.isTTY && stderr.isTTY
    ? { ask: (question: string) => askQuestion(question, stdin, stderr, stop.signal) }
    : {}),
  stopRequested: stop.signal,
  parent: process.send && {
    // what cannot be sent has nobody left to hear it
    send: (message) => void process.send?.(message, undefined, {}, () => undefined),
    receive: (listener) => process.on('message', (message) => listener(message as ToProcess)),
    onEnd: (listener) => process.once('disconnect', listener),
  },
})
clearInterval(underWay)
process.exit(code)
