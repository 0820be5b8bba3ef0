// Progress for people: a bar on a terminal, a line now and then elsewhere.
import { SingleBar } from 'cli-progress'

export interface Progress {
  begin(name: string, total: number): void
  step(): void
  /** @param what became of all of it */
  end(what: string): void
}

const LINE_EVERY_MS = 5_000

/** A bar on a terminal; elsewhere a line now and then. */
export function createProgress(stream: NodeJS.WriteStream = process.stdout): Progress {
  return stream.isTTY ? bar(stream) : lines((line) => void stream.write(`${line}\n`))
}

function bar(stream: NodeJS.WriteStream): Progress {
  let single: SingleBar | null = null
  return {
    begin(name, total) {
      single = new SingleBar({
        stream,
        format: `${name} [{bar}] {value}/{total}  {eta_formatted}`,
        hideCursor: true,
      })
      single.start(total, 0)
    },
    step: () => single?.increment(),
    end(what) {
      single?.stop()
      single = null
      stream.write(`${what}\n`)
    },
  }
}

/** @param now milliseconds */
export function lines(say: (line: string) => void, now: () => number = Date.now): Progress {
  let [name, total, done, saidAt] = ['', 0, 0, 0]
  return {
    begin(of, all) {
      ;[name, total, done, saidAt] = [of, all, 0, now()]
    },
    step() {
      done += 1
      if (now() - saidAt < LINE_EVERY_MS) return
      saidAt = now()
      say(`${name}: ${done} of ${total}`)
    },
    end: say,
  }
}
