// Records what a version of the program leaves in a CouchDB, for the versions after it:
// node --import=tsx test/support/earlier/record.ts <checkout> test/couch/daemon/earlier/<name>.json
import { writeFile } from 'node:fs/promises'
import { CHECKPOINTS } from '../../../src/documents/names.ts'
import { Space } from '../space.ts'
import { stopServers, useServer } from '../servers.ts'
import { record, type Data } from './data.ts'
import { playBefore, withGround } from './program.ts'
import { PREFIX } from './story.ts'

const [checkout, file] = process.argv.slice(2)
if (checkout === undefined || file === undefined)
  throw new Error('Expected a checkout, and the file to write')

const server = await useServer('couchdb')
try {
  const space = new Space(server, 'earlier', { prefix: PREFIX })
  await space.run(() =>
    withGround(space, async (ground) => {
      await playBefore(space, checkout, ground)
      const names = await space.couch.allDbs({})
      const data = await record(
        space.couch,
        server,
        names.filter((name) => name !== '_global_changes' && !name.startsWith('barrier-')),
      )
      await writeFile(file, `${JSON.stringify(onlyOurs(data), null, 1)}\n`)
    }),
  )
} finally {
  await stopServers({ isOver: true })
}

/** Without CouchDB's own design documents, and without who was at work. */
function onlyOurs(data: Data): Data {
  const isOurs = (name: string, id: string): boolean =>
    name === CHECKPOINTS ? !id.startsWith('daemon ') : !(name.startsWith('_') && id === '_design/_auth')
  return Object.fromEntries(
    Object.entries(data).map(([name, { security, documents }]) => [
      name,
      { security, documents: documents.filter(({ _id }) => isOurs(name, _id)) },
    ]),
  )
}
