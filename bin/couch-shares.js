#!/usr/bin/env node
// The program as it is installed. An old Node.js is told so first: it would not get through the imports of the rest.
import { existsSync } from 'fs'
import { refuseOldNode } from './node-version.js'

/** EXIT.notBuilt of src/commands/exit-codes.ts, which is not here where the program is not built. */
const NOT_BUILT = 69

refuseOldNode()
if (existsSync(new URL('../dist/main.js', import.meta.url))) import('../dist/main.js')
else {
  process.stderr.write(
    'couch-shares is not built here: in a checkout, type `npm start -- <command>` instead, or `npm run build` first\n',
  )
  process.exit(NOT_BUILT)
}
