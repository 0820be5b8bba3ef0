#!/usr/bin/env node
// The program as it is installed. An old Node.js is told so first: it would not get through the imports of the rest.
import { refuseOldNode } from './node-version.js'

refuseOldNode()
import('../dist/main.js')
