// Whether this Node.js is new enough, in words that an old one knows.
import { readFileSync } from 'fs'

/** EXIT.nodeTooOld of src/commands/exit-codes.ts, which an old Node.js cannot read. */
const TOO_OLD = 69

/** True where `version`, as in `process.versions.node`, is `least` or later: numbers with points between them. */
export function isAtLeast(version, least) {
  const numbers = version.split('.').map((part) => parseInt(part, 10))
  const wanted = least.split('.').map((part) => parseInt(part, 10))
  for (let at = 0; at < wanted.length; at += 1) {
    const difference = (numbers[at] || 0) - wanted[at]
    if (difference !== 0) return difference > 0
  }
  return true
}

/** What to tell whoever starts the program with a Node.js that is too old; null where it is none. */
export function refusal(version) {
  const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  const least = engines.node.replace(/^>=/, '')
  if (isAtLeast(version, least)) return null
  return `couch-shares needs Node.js ${least} or later, and this is ${version}: see https://nodejs.org/en/download`
}

/** Ends the process where its Node.js is too old. */
export function refuseOldNode() {
  const text = refusal(process.versions.node)
  if (text === null) return
  process.stderr.write(`${text}\n`)
  process.exit(TOO_OLD)
}
