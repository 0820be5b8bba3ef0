// `couch-shares erase`: one document goes everywhere, beside a running daemon, and a device does not bring it back into a share.
import assert from 'node:assert/strict'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { erase } from '../../../src/commands/erase.ts'
import { Device, loadPouch } from '../../support/device.ts'
import { GatewayGround } from '../../support/gateway.ts'
import { NOTES } from '../../support/gateway-notes.ts'
import { asUser, becomes, edit, open, received, shared, subscribe, withPeople } from '../../support/people.ts'
import { revisionsWith } from '../../support/purges.ts'
import { SKELETON, type Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'
import { baseId, copyId } from '../../../src/shares/model/ids.ts'

const SECRET = 'S3CRET-what-was-erased'

interface Ran {
  code: number
  out: string
  err: string
}

async function run(space: Space, args: string[], more: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const { url, user, pass } = space.server
  const said = { out: '', err: '' }
  const code = await erase(
    args,
    {
      HOODIE_SERVER: url,
      HOODIE_ADMIN_USER: user,
      HOODIE_ADMIN_PASS: pass,
      USER_DATABASES: space.config.userDatabases.template,
      SKELETON,
      ...more,
    },
    {
      print: (text) => void (said.out += text),
      complain: (text) => void (said.err += text),
      progress: { begin: () => undefined, step: () => undefined, end: () => undefined },
    },
  )
  return { code, ...said }
}

const has = (local: Device['local']): Promise<boolean> =>
  local.get('note').then(
    () => true,
    () => false,
  )

onEachServer(
  'couch-shares erase',
  ({ it }) => {
    it('takes an object out of every database that has it, and says first where it is', (space) =>
      withPeople(space, ['joe', 'ann', 'bob', 'cid'], async ({ joe, ann, bob, cid }) => {
        await space.start()
        const id = space.shareId()
        await space.write(cid.db, { _id: 'note', text: 'another one' })
        await open(
          space,
          joe,
          { read: [bob.name, cid.name], write: [ann.name] },
          shared(id, 'note', { text: SECRET }),
          shared(id, 'other', { text: 'stays' }),
        )
        await subscribe(space, id, [ann, bob, cid])
        for (const { db } of [ann, bob]) await becomes(space, db, 'note', received(id, { text: SECRET }))
        await edit(space, ann.db, 'note', { text: `${SECRET} by ann` })
        await becomes(space, bob.db, 'note', received(id, { text: `${SECRET} by ann` }))
        await becomes(space, joe.db, 'note', received(id, { text: `${SECRET} by ann` }))
        // A conflict of joe's own, deleted, still holds it.
        await space.settled()
        const places: [db: ReturnType<Space['user']>, id: string][] = [
          [joe.db, 'note'],
          [ann.db, 'note'],
          [bob.db, 'note'],
          [space.share(id), copyId(id, 'note')],
          [space.outbox(joe.hash), copyId(id, 'note')],
        ]
        const dry = await run(space, [joe.db.name, 'note', '--dry-run'])
        assert.equal(dry.code, 0, dry.err)
        for (const [{ name }] of places) assert(dry.out.includes(`${name} `), `${name} in ${dry.out}`)
        assert(dry.out.includes(`${cid.db.name} has another document`), dry.out)
        assert.equal((await joe.db.get('note'))?.['text'], `${SECRET} by ann`)

        const [known] = await space.share(id).leaves([{ id: copyId(id, 'note') }])
        assert(known)
        // Somebody's device has it, too.
        const PouchDB = loadPouch()
        const remote = `${space.server.url}/${encodeURIComponent(ann.db.name)}`
        const auth = { username: ann.account.name, password: ann.account.pass }
        const local = new PouchDB(`${space.prefix.replace(/\W/g, '')}-ann`, { adapter: 'memory' })
        const device = new Device('ann', local, () => new PouchDB(remote, { auth, skip_setup: true }))
        try {
          device.goOnline()
          await space.until('the device has it', () => has(local))
          const { code, out, err } = await run(space, [joe.db.name, 'note'])
          assert.equal(code, 0, out + err)
          await space.settled()
          for (const [db, document] of places) {
            assert.equal(await db.get(document), null, `${document} in ${db.name}`)
            assert.deepEqual(await revisionsWith(db, document, SECRET), [], `${document} in ${db.name}`)
          }
          for (const { hash } of [ann, bob])
            assert.deepEqual(await space.outbox(hash).leaves([{ id: baseId('note') }]), [])
          assert.equal((await cid.db.get('note'))?.['text'], 'another one')
          await becomes(space, bob.db, 'other', received(id, { text: 'stays' }))

          // The device learns of it when it syncs.
          await space.until('the device learns of it', async () => !(await has(local)))
          // Another device was away, and sends what it made of the copy that it had.
          const hash = 'f'.repeat(32)
          const { start = 0, ids = [] } = known._revisions ?? {}
          const late = {
            ...known,
            _rev: `${start + 1}-${hash}`,
            _revisions: { start: start + 1, ids: [hash, ...ids] },
          }
          await asUser(space, ann, space.share(id), (db) => db.bulk([late], { newEdits: false }))
          await space.until(
            'it is taken out again',
            async () => (await space.share(id).get(copyId(id, 'note'))) === null,
          )
          await space.settled()
          const readable = places.filter(([{ name }]) => name !== space.outbox(joe.hash).name)
          for (const [db, document] of readable)
            assert.deepEqual(await revisionsWith(db, document, SECRET), [], `${document} in ${db.name}`)
          // What only admins can read of it goes with the next time.
          await run(space, [joe.db.name, 'note'])
          for (const [db, document] of places)
            assert.deepEqual(await revisionsWith(db, document, SECRET), [], `${document} in ${db.name}`)
          const again = await run(space, [joe.db.name, 'note'])
          assert.deepEqual([again.code, again.out.includes('Nothing of it was found.')], [0, true])
        } finally {
          await device.destroy()
        }
      }))

    it('takes a document of a gateway out of the databases of its users', (space) =>
      GatewayGround.use(space, NOTES, async (ground) => {
        const ann = ground.user('ann')
        await ground.put(
          { _id: 'list-1', type: 'list', members: [ann.name], editors: [ann.name] },
          { _id: 'note-1', text: SECRET, owner: ann.name, lists: ['list-1'] },
        )
        await space.start()
        await ann.signUp()
        await ground.reads(ann.database, 'note-1', { text: SECRET })
        await space.settled()
        const folder = await mkdtemp(join(tmpdir(), 'couch-shares-skeleton-'))
        try {
          await cp(SKELETON, folder, { recursive: true })
          await mkdir(join(folder, 'gateway', ground.name), { recursive: true })
          await writeFile(join(folder, 'gateway', ground.name, 'sync.js'), NOTES)
          const { code, out, err } = await run(space, [ground.name, 'note-1'], { SKELETON: folder })
          assert.equal(code, 0, out + err)
        } finally {
          await rm(folder, { recursive: true })
        }
        await space.settled()
        for (const database of [ground.database, ann.database]) {
          assert.equal(await database.get('note-1'), null)
          assert.deepEqual(await revisionsWith(database, 'note-1', SECRET), [])
        }
      }))

    it('says what is wrong with what it is told, and touches nothing', async (space) => {
      await space.start()
      const unknown = await run(space, ['nothing-of-ours', 'note'])
      assert.deepEqual([unknown.code, unknown.out], [1, ''])
      assert.match(unknown.err, /^Expected a user database, a master or a gateway/)
      const gone = await run(space, [space.user('nobody').name, 'note'])
      assert.deepEqual([gone.code, gone.err], [1, `There is no database ${space.user('nobody').name}.\n`])
      await assert.rejects(run(space, ['one']), /Expected `couch-shares erase/)
      await assert.rejects(run(space, ['one', '$share/x']), /no document whose id begins with/)
    })
  },
  { kinds: ['couchdb'] },
)
