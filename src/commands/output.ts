// Where a command that takes a while says what it found, what is wrong, and how far it is.
import { createProgress, type Progress } from './progress.ts'

export interface Output {
  print: (text: string) => void
  complain: (text: string) => void
  progress: Progress
}

/** Findings to stdout, all else to stderr. */
export const standardOutput = (): Output => ({
  print: (text) => void process.stdout.write(text),
  complain: (text) => void process.stderr.write(text),
  progress: createProgress(process.stderr),
})
