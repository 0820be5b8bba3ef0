// Which version of the program this is.
import { readFileSync } from 'node:fs'

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string
}

/** As package.json has it, which lies beside `src/` and beside `dist/`. */
export const VERSION = version
