// What docs/sharing.md promises users, on the embedded server: each asks as oneself, and the daemon decides who may.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { compileFunction } from 'node:vm'
import { loadPouch, type Pouch, type Sync } from '../../support/device.ts'
import { edit, open, read, shared, subscribe, withPeople, type Person } from '../../support/people.ts'
import { until, withBench } from '../../support/program.ts'
import { freePort } from '../../support/servers.ts'
import type { Space } from '../../support/space.ts'
import { copyBecomes, type Content } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'
import { basic, Visitor, type Answer } from '../../support/visitor.ts'

type Account = Person['account']

const path = (...parts: string[]): string => parts.map(encodeURIComponent).join('/')

/** A request as somebody; null for who is not logged in. */
const ask = (
  { server }: Space,
  who: Account | null,
  method: string,
  to: string,
  body?: unknown,
): Promise<Answer> =>
  new Visitor(() => server.url, who ? { authorization: basic(who.name, who.pass) } : {}).ask(
    method,
    `/${to}`,
    body,
  )

onEachServer(
  'users of the embedded server',
  ({ it }) => {
    it('share by `access`: listed users read, writers write, and nobody else', (space) =>
      withPeople(space, ['joe', 'ann', 'bob', 'tom'], async ({ joe, ann, bob, tom }) => {
        await space.start()
        const id = space.shareId()
        const own = path(joe.db.name)
        // Joe as himself, in his own database, where nobody else gets in.
        const docs = [
          { _id: `$share/${id}`, type: '$share', access: { read: [bob.name], write: [ann.name] } },
          shared(id, 'todo/1', { name: 'milk', note: 'private' }, ['name']),
        ]
        assert.equal((await ask(space, joe.account, 'POST', `${own}/_bulk_docs`, { docs })).status, 201)
        assert.equal((await ask(space, ann.account, 'GET', own)).status, 403)
        assert.equal((await ask(space, null, 'GET', own)).status, 401)
        await copyBecomes(space, id, 'todo/1', { name: 'milk' })
        await space.settled()

        const home = path(`share/${id}`)
        const copy = `${home}/${path(`share/${id}/todo/1`)}`
        for (const [who, status] of [
          [joe.account, 200],
          [ann.account, 200],
          [bob.account, 200],
          [tom.account, 403],
          [null, 401],
        ] as const)
          for (const to of [copy, `${home}/_all_docs`, `${home}/_changes`])
            assert.equal((await ask(space, who, 'GET', to)).status, status, `${who?.name} at ${to}`)

        const { body } = (await ask(space, ann.account, 'GET', copy)) as { body: Content }
        assert.equal(body['name'], 'milk')
        const changed = { ...body, name: 'oat milk' }
        const refused = await ask(space, bob.account, 'PUT', copy, changed)
        assert.deepEqual(
          [refused.status, refused.body],
          [403, { error: 'forbidden', reason: 'You may not write into this share.' }],
        )
        const reserved = await ask(space, ann.account, 'PUT', copy, { ...changed, $state: 'mine' })
        assert.equal(reserved.status, 403)
        assert.equal((await ask(space, ann.account, 'PUT', `${home}/elsewhere`, { name: 'x' })).status, 403)
        assert.equal((await ask(space, ann.account, 'PUT', copy, changed)).status, 201)
        await space.eventually(
          'the object of joe',
          async () => (await read(joe.db, 'todo/1'))?.['name'],
          'oat milk',
        )

        // Taken out, ann is a stranger.
        await edit(space, joe.db, `$share/${id}`, { access: { read: [bob.name] } })
        await space.eventually(
          'what ann gets',
          async () => (await ask(space, ann.account, 'GET', copy)).status,
          403,
        )
        assert.equal((await ask(space, bob.account, 'GET', copy)).status, 200)
      }))

    it('find what they were invited to, and take part with PouchDB', (space) =>
      withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
        await space.start()
        const id = await open(
          space,
          joe,
          { write: [ann.name] },
          shared(space.shareId(), 'todo/1', { name: 'milk' }),
        )
        await space.until('the invitation', async () => (await ann.db.get(`$invitation/${id}`)) !== null)
        await subscribe(space, id, [ann])
        const PouchDB = loadPouch()
        const device = new PouchDB(`device-${space.prefix.slice(1, 7)}`, { adapter: 'memory' })
        const remote = (): Pouch =>
          new PouchDB(`${space.server.url}/${path(ann.db.name)}`, {
            adapter: 'http',
            skip_setup: true,
            auth: { username: ann.account.name, password: ann.account.pass },
          })
        try {
          const sync = device.sync(remote(), { live: true, retry: true })
          const nameOf = async (): Promise<unknown> =>
            (await device.get('todo/1').catch((): Content => ({})))['name']
          await space.eventually('the object on the device', nameOf, 'milk')
          await device.put({ ...(await device.get('todo/1')), name: 'oat milk' })
          await space.eventually('joe’s', async () => (await read(joe.db, 'todo/1'))?.['name'], 'oat milk')
          await edit(space, joe.db, 'todo/1', { name: 'rice milk' })
          await space.eventually('hers', nameOf, 'rice milk')
          sync.cancel()
          await sync
        } finally {
          await device.destroy()
        }
      }))

    it('get into a public share by its password', (space) =>
      withPeople(space, ['joe', 'tom'], async ({ joe, tom }) => {
        await space.start()
        const id = await open(space, joe, { read: true }, shared(space.shareId(), 'todo/1', { name: 'milk' }))
        const all = `${path(`share/${id}`)}/_all_docs`
        assert.equal((await ask(space, null, 'GET', all)).status, 200)
        await edit(space, joe.db, `$share/${id}`, { password: 'open sesame' })
        const accountName = async (): Promise<string | undefined> =>
          ((await joe.db.get(`$share/${id}`))?.['password'] as { name?: string } | undefined)?.name
        await space.until('the account', async () => (await accountName()) !== undefined)
        const guest = { name: (await accountName()) ?? '', pass: 'open sesame' }
        const statusOf = async (who: Account | null): Promise<number> =>
          (await ask(space, who, 'GET', all)).status
        await space.eventually('who needs none any more', () => statusOf(null), 401)
        // Who loses access is out before who knows the password is let in.
        await space.settled()
        assert.deepEqual(
          [await statusOf(guest), await statusOf({ ...guest, pass: 'x' }), await statusOf(tom.account)],
          [200, 401, 403],
        )
      }))
  },
  { kinds: ['embedded'] },
)

/** A block, as docs/first-steps.md prints it. */
async function firstStep(block: RegExp): Promise<string> {
  const text = await readFile(new URL('../../../docs/first-steps.md', import.meta.url), 'utf8')
  return block.exec(text)?.[1] ?? assert.fail(`Expected to find ${block.source}`)
}

describe('the documents', () => {
  it('have lines by which joe shares with ann, and not with tom', () =>
    withBench(async (bench) => {
      const block = await firstStep(/```sh\n(SERVER=.*?)```/s)
      const port = await freePort()
      const program = await bench.run({ EMBEDDED_PORT: String(port), EMBEDDED_MEMORY: 'true' })
      await until('it runs', () => program.out.includes('Ctrl-C'))
      const script = block.replace('127.0.0.1:5984', `127.0.0.1:${port}`).replaceAll(/\bcurl /g, 'curl -s ')
      const { stdout, stderr } = await promisify(execFile)('sh', ['-euc', script], { timeout: 60_000 })
      const lines = stdout.trim().split('\n')
      const last = lines.slice(-2).map((line) => JSON.parse(line) as Record<string, unknown>)
      assert.equal(stderr, '')
      assert.equal(last[0]?.['name'], 'Bake bread', stdout)
      assert.equal(last[1]?.['error'], 'forbidden')
    }))

  it('have lines by which an app shares', () =>
    withBench(async (bench) => {
      const code = await firstStep(/```js\nimport PouchDB from 'pouchdb'\n(.*?)```/s)
      const port = await freePort()
      const program = await bench.run({ EMBEDDED_PORT: String(port), EMBEDDED_MEMORY: 'true' })
      await until('it runs', () => program.out.includes('Ctrl-C'))
      const url = `http://127.0.0.1:${port}`
      const admin = new Visitor(() => url, { authorization: basic('admin', 'admin') })
      for (const name of ['joe', 'ann']) {
        const account = { type: 'user', name, password: 'secret', roles: [name] }
        await admin.ask('PUT', `/_users/org.couchdb.user:${name}`, account)
        await admin.ask('PUT', `/${path(`user/${name}`)}`)
        await admin.ask('PUT', `/${path(`user/${name}`)}/_security`, { members: { roles: [name] } })
      }
      // The package `pouchdb` is this one, with adapters that depend on where it runs.
      const PouchDB = loadPouch()
      function Packed(name: string, options: object): Pouch {
        return new PouchDB(name, { ...options, adapter: /^http/.test(name) ? 'http' : 'memory' })
      }
      const lines = code.replace('127.0.0.1:5984', `127.0.0.1:${port}`)
      const run = compileFunction(`return (async () => {${lines}return { local, sync } })()`, [
        'PouchDB',
        'console',
      ]) as (...given: unknown[]) => Promise<{ local: Pouch; sync: Sync }>
      const said: string[] = []
      const { local, sync } = await run(Packed, { log: (text: string) => said.push(text) })
      try {
        await until('it says so', () => said.length > 0)
        const ann = new Visitor(() => url, { authorization: basic('ann', 'secret') })
        const copy = `/${path('share/groceries', 'share/groceries/todo/3')}`
        await until('ann reads it', async () => (await ann.ask('GET', copy)).status === 200)
      } finally {
        sync.cancel()
        await local.destroy()
      }
    }))

  it('have lines that suspend a share and open it again', () =>
    withBench(async (bench) => {
      const docs = await readFile(new URL('../../../docs/operating.md', import.meta.url), 'utf8')
      const section = /## Suspend a share\n(.*?)\n## /s.exec(docs)?.[1] ?? ''
      const [suspend = '', open = '', ...more] = [...section.matchAll(/```sh\n(.*?)```/gs)].map(
        ([, text]) => text,
      )
      assert.deepEqual(more, [])
      const port = await freePort()
      const program = await bench.run({ EMBEDDED_PORT: String(port), EMBEDDED_MEMORY: 'true' })
      await until('it runs', () => program.out.includes('Ctrl-C'))
      const url = `http://127.0.0.1:${port}`
      const admin = new Visitor(() => url, { authorization: basic('admin', 'admin') })
      await admin.ask('PUT', `/${path('user/joe')}`)
      const document = `/${path('user/joe', '$share/uuid567')}`
      await admin.ask('PUT', document, { type: '$share', access: true })
      const state = async (): Promise<unknown> => {
        const { $state, $error } = (await admin.ask('GET', document)).body as Record<string, unknown>
        return ($error as { code: string } | undefined)?.code ?? $state
      }
      await until('it is active', async () => (await state()) === 'active')
      const run = (text: string) =>
        promisify(execFile)(
          'bash',
          ['-euo', 'pipefail', '-c', text.replace('127.0.0.1:5984', `127.0.0.1:${port}`)],
          {
            timeout: 60_000,
          },
        )
      await run(suspend)
      await until('it is suspended', async () => (await state()) === 'suspended')
      await run(suspend.split('\n')[0] + '\n' + open)
      await until('it is active again', async () => (await state()) === 'active')
    }))
})
