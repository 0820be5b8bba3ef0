// For `npm start`, which hands the program to a loader that an old Node.js does not know: ends with 69 before that.
import { refuseOldNode } from './node-version.js'

refuseOldNode()
