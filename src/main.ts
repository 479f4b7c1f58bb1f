import { runProgram } from './cli/program.ts'

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
const code = await runProgram(process.argv.slice(2), {
  environment: process.env,
  print: (text) => void process.stdout.write(text),
  printError: (text) => void process.stderr.write(text),
  stopRequested: stop.signal,
})
clearInterval(underWay)
process.exit(code)
