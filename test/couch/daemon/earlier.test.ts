// What an earlier version has left is read by this one as if it had written it: nothing changes for users, and all goes on.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { REGISTRY } from '../../../src/documents/names.ts'
import { LAYOUT, LAYOUT_ID } from '../../../src/engine/layout.ts'
import type { Data } from '../../support/earlier/data.ts'
import { playBefore, withGround, withRestored, type Ground } from '../../support/earlier/program.ts'
import { PREFIX, tellAfter, tellGatewayAfter } from '../../support/earlier/story.ts'
import type { Space } from '../../support/space.ts'
import { needs, onEachServer } from '../../support/suites.ts'

/** By the version, or the layout, of which it is. */
const FOLDER = join(import.meta.dirname, 'earlier')
const RECORDED = readdirSync(FOLDER).map((file) => ({
  name: file.replace(/\.json$/, ''),
  data: JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Data,
}))

/**
 * The documents of all users, without what is put there from the skeleton. A gateway's documents are evaluated again where the
 * function is called otherwise by now, and `$gateway` says when that was.
 */
async function seenBy({ couch }: Space): Promise<Record<string, string[]>> {
  const seen: Record<string, string[]> = {}
  for (const name of await couch.allDbs({ startKey: PREFIX, endKey: `${PREFIX}\ufff0` })) {
    if (name.endsWith('/$shares')) continue
    const rows = await couch.database(name).range({})
    seen[name] = rows
      .filter(({ id }) => !id.startsWith('_design/') && id !== '$gateway')
      .map(({ id, rev }) => `${id} ${rev ?? ''}`)
  }
  return seen
}

/** A successor starts, changes nothing for anybody, and everything goes on. */
async function goOn(space: Space, { people, gateway, reader }: Ground): Promise<void> {
  const before = await seenBy(space)
  await space.start()
  await space.settled()
  assert.deepEqual(await seenBy(space), before)
  assert.equal((await space.couch.database(REGISTRY).get(LAYOUT_ID))?.['version'], LAYOUT)
  await tellAfter(space, people)
  await tellGatewayAfter(gateway, reader)
  await space.settled()
  const failed = space.lines.filter(({ level }) => Number(level) >= 40).map(({ msg }) => msg)
  assert.deepEqual(failed, [])
}

onEachServer(
  'the data of an earlier version',
  ({ it, server }) => {
    for (const { name, data } of RECORDED)
      it(
        `is read, and all goes on (${name})`,
        async (space) => {
          // Its names are taken by nobody else.
          needs(server().isOurs, 'a server of the tests’ own')
          await withRestored(space, data, (ground) => goOn(space, ground))
        },
        { prefix: PREFIX },
      )

    const checkout = process.env['UPGRADE_FROM']
    if (checkout)
      it(
        `of ${checkout} is read where it was written, and all goes on`,
        (space) =>
          withGround(space, async (ground) => {
            await playBefore(space, checkout, ground)
            await goOn(space, ground)
          }),
        { prefix: PREFIX },
      )
  },
  // Accounts of CouchDB 3.5 are none to log in by before 3.4.
  { kinds: ['couchdb'], since: '3.4' },
)
