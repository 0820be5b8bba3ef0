// A story of users whose documents come from a master and a gateway, and of skeletons that change meanwhile.
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { routesDatabase } from '../../../src/documents/names.ts'
import { GatewayGround } from '../gateway.ts'
import { Ground } from '../provisioning.ts'
import type { Space } from '../space.ts'
import type { MortalDaemon } from './mortal-daemon.ts'
import type { KilledStory } from './play.ts'

const X = 'number_domain:x.test'
const Y = 'number_domain:y.test'
const NUMBER_X = 'number:1@x.test'
const NUMBER_Y = 'number:1@y.test'
const ENDPOINT = 'endpoint:1'

/** Who reads news stands in a document. @param word in the channel's name, another one after the function has changed */
const sync = (word: string): string => `function (doc, oldDoc) {
  if (doc.kind === 'grant') access(doc.user, '${word} news')
  if (doc.kind === 'refused') throw { forbidden: 'not so' }
  channel('${word} ' + doc.kind)
}`

/** Refuses what nobody writes: that it is there is what counts. */
const GUARD = `function (newDoc) { if (newDoc.isUnwanted) throw { forbidden: 'unwanted' } }`

interface Parts {
  space: Space
  ground: Ground
  gateway: GatewayGround
  /** Writes a file of the daemon's skeleton. */
  write: (file: string, text: string) => Promise<void>
}

/** Roles come and go, both sides are edited, a user leaves; a function of each kind changes, and is rolled out. */
export const managed: KilledStory = (space, play) =>
  Ground.use(space, async (ground) => {
    await ground.useOwnKind()
    const folder = space.skeleton
    const write = async (file: string, text: string): Promise<void> => {
      await mkdir(dirname(join(folder, file)), { recursive: true })
      await writeFile(join(folder, file), text)
    }
    const { master, cdrs, kind } = ground
    await GatewayGround.use(space, sync('old'), async (gateway) => {
      await write(`gateway/${gateway.name}/sync.js`, sync('old'))
      await play({
        settings: {
          SKELETON: folder,
          MASTER_DATABASES: `${master.name}=${kind},${cdrs.name}=cdrs`,
          DELETION_GRACE: '0ms',
        },
        tell: (daemon) => tell({ space, ground, gateway, write }, daemon),
        databases: async () => ({
          ...{ master: master.name, cdrs: cdrs.name },
          ...{ gateway: gateway.name, routes: routesDatabase(gateway.name) },
          'the personal database of ann': await ground.user('ann').database(),
        }),
      })
    })
  })

async function tell({ space, ground, gateway, write }: Parts, daemon: MortalDaemon): Promise<void> {
  const { master, cdrs } = ground
  const [ann, bob] = [ground.user('ann'), ground.user('bob')]
  const dan = gateway.user('dan')
  // Masters are for everybody: what the registry holds of whoever reads the gateway is to go as well.
  ground.user('dan', dan.name)
  await ground.put(
    master,
    { _id: NUMBER_X, label: 'one' },
    { _id: NUMBER_Y, label: 'two' },
    { _id: ENDPOINT, number_domain: 'x.test', label: 'phone' },
  )
  await ground.put(cdrs, { _id: 'cdr:1', number: '1@x.test', duration: 3 })
  await gateway.put(
    { _id: 'grant', kind: 'grant', user: dan.name },
    { _id: 'one', kind: 'news', text: 'One' },
    { _id: 'hidden', kind: 'secret' },
  )
  await ann.sign({ roles: [X] })
  await bob.sign({ roles: [X] })
  await dan.signUp()
  await daemon.start()
  for (const user of [ann, bob]) await user.has('cdr:1', ENDPOINT, NUMBER_X)
  await dan.isIn()
  await dan.sees('one')
  // Both sides write, and somebody who may not.
  await ann.write(NUMBER_X, { label: 'by ann' })
  await ground.edit(NUMBER_X, { more: 'by the admin' })
  await bob.reads(NUMBER_X, { label: 'by ann', more: 'by the admin' })
  await ann.write(NUMBER_Y, { label: 'not hers' })
  await ground.eventually('what was rejected', async () => (await ann.standing())?.rejected, {
    [NUMBER_Y]: 'outside_roles',
  })
  await dan.edit('one', { text: 'Edited' })
  await gateway.reads(gateway.database, 'one', { text: 'Edited' })
  // Roles and channels change.
  await ann.write(NUMBER_Y, { $restore: true })
  await ann.sign({ roles: [X, Y] })
  await ann.has('cdr:1', ENDPOINT, NUMBER_X, NUMBER_Y)
  await ground.edit(ENDPOINT, { number_domain: 'z.test' })
  await ann.has('cdr:1', NUMBER_X, NUMBER_Y)
  await gateway.put({ _id: 'two', kind: 'news', text: 'Two' }, { _id: 'one', kind: 'secret' })
  await dan.sees('two')
  await bob.leave()
  // What the functions say changes, and reaches all.
  await write(`${ground.kind}-user/_design/guard/validate_doc_update.js`, GUARD)
  await write(`gateway/${gateway.name}/sync.js`, sync('new'))
  await daemon.restart()
  const personal = await ann.personal()
  await space.until('the guard is there', async () => (await personal.get('_design/guard')) !== null)
  await gateway.put({ _id: 'three', kind: 'news', text: 'Three' })
  await dan.sees('three', 'two')
  await ann.write(NUMBER_X, { label: 'at last' })
  await ground.reads(master, NUMBER_X, { label: 'at last' })
}
