// Three processes that divide the users of one server: one is killed, one is frozen and woken later, and nobody notices.
import assert from 'node:assert/strict'
import { EXIT } from '../../../src/commands/exit-codes.ts'
import {
  becomes,
  conflictsIn,
  edit,
  open,
  shared,
  stands,
  subscribe,
  withPeople,
} from '../../support/people.ts'
import { settingsFor, STOP_MS, until, withBench, type Bench, type Program } from '../../support/program.ts'
import { freePort } from '../../support/servers.ts'
import type { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'

const PARTITIONS = 6
/** Whoever was silent is replaced in less than this. */
const TAKEN_OVER_MS = 15_000
const PATIENCE_MS = 60_000

interface Running {
  program: Program
  port: number
}

async function run(bench: Bench, space: Space, partitions = PARTITIONS): Promise<Running> {
  const port = await freePort()
  const program = await bench.run({
    ...settingsFor(space.server),
    OPS_PORT: String(port),
    USER_DATABASES: `${space.prefix}{id}`,
    PARTITIONS: String(partitions),
    LOG_LEVEL: 'debug',
  })
  return { program, port }
}

/** The partitions that a process works for, and whether it has gone through them. */
async function held({ port }: Running): Promise<{ isReady: boolean; partitions: number[] }> {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null)
  const { partitions = [] } = ((await answer?.json()) ?? {}) as { partitions?: number[] }
  return { isReady: answer?.status === 200, partitions }
}

/** Waits until these processes have all partitions, each about as many, and are ready. */
async function divide(running: readonly Running[], patienceMs = PATIENCE_MS): Promise<void> {
  const all = Array.from({ length: PARTITIONS }, (_, number) => number)
  await until(
    `${running.length} processes have divided the partitions`,
    async () => {
      const found = await Promise.all(running.map(held))
      const sizes = found.map(({ partitions }) => partitions.length)
      const numbers = found.flatMap(({ partitions }) => partitions).sort((one, other) => one - other)
      const isFair = Math.max(...sizes) - Math.min(...sizes) <= 1
      return isFair && String(numbers) === String(all) && found.every(({ isReady }) => isReady)
    },
    patienceMs,
  )
}

/** What stands in a log of what must not happen to anybody. */
const faults = ({ program }: Running): unknown[] =>
  program.lines.filter(({ msg }) => /set aside|turn failed/.test(String(msg)))

onEachServer('processes that divide the users', (suite) => {
  suite.it('bring what one user writes to those whom others work for, with no sweep', (space) =>
    withPeople(space, ['joe', 'ann', 'bob', 'cid'], (people) =>
      withBench(async (bench) => {
        const running = [await run(bench, space), await run(bench, space), await run(bench, space)]
        await divide(running)
        const { joe, ann, bob, cid } = people
        const share = await open(
          space,
          joe,
          { read: [cid.name], write: [ann.name, bob.name] },
          shared(space.shareId(), 'note', { text: 'one' }),
        )
        await subscribe(space, share, [ann, bob, cid])
        const has = (text: string) => ({ text, $shares: { [share]: true } })
        for (const one of [ann, bob, cid]) await becomes(space, one.db, 'note', has('one'))
        await edit(space, ann.db, 'note', { text: 'two' })
        for (const one of [joe, bob, cid]) await becomes(space, one.db, 'note', has('two'))
        // A reader is taken out: the database is made anew, and all who stay go on.
        await edit(space, joe.db, `$share/${share}`, { access: { write: [ann.name, bob.name] } })
        await space.until('cid has it no more', async () => (await cid.db.get('note')) === null)
        await edit(space, bob.db, 'note', { text: 'three' })
        for (const one of [joe, ann]) await becomes(space, one.db, 'note', has('three'))
        await edit(space, joe.db, `$share/${share}`, { _deleted: true })
        for (const one of [ann, bob])
          await stands(space, one, share, { state: 'ended', reason: 'The share has ended.' })
        for (const one of running) assert.deepEqual(faults(one), [])
        for (const { program } of running) program.child.kill('SIGTERM')
        for (const { program } of running) assert.equal(await program.exit(STOP_MS), EXIT.ok, program.all)
      }),
    ),
  )

  suite.it(
    'lose nothing, and write nothing twice, where one is killed, and one is frozen and wakes',
    (space) =>
      withPeople(space, ['joe', 'ann', 'bob', 'cid', 'dot'], (people) =>
        withBench(async (bench) => {
          const running = [await run(bench, space), await run(bench, space), await run(bench, space)]
          const [killed, frozen, survivor] = running as [Running, Running, Running]
          await divide(running)
          const all = Object.values(people)
          const { joe } = people
          const others = all.filter((one) => one !== joe)
          const share = await open(
            space,
            joe,
            { write: others.map(({ name }) => name) },
            shared(space.shareId(), 'first', { text: 'first' }),
          )
          await subscribe(space, share, others)
          const content = (text: string) => ({ text, $shares: { [share]: true } })
          for (const one of others) await becomes(space, one.db, 'first', content('first'))

          /** Everybody writes, and everybody has it all. */
          const write = async (when: string): Promise<string[]> => {
            const ids = all.map(({ name }) => `${when} ${name}`)
            for (const [at, { db }] of all.entries())
              await space.write(db, { _id: ids[at] ?? '', ...content(ids[at] ?? '') })
            return ids
          }
          const haveAll = async (ids: readonly string[]): Promise<void> => {
            for (const { db } of all) for (const id of ids) await becomes(space, db, id, content(id))
          }

          killed.program.child.kill('SIGKILL')
          frozen.program.child.kill('SIGSTOP')
          bench.release(() => Promise.resolve(frozen.program.child.kill('SIGCONT')))
          const meanwhile = await write('meanwhile')
          await until(
            'the third one has taken all over',
            async () => (await held(survivor)).partitions.length === PARTITIONS,
            TAKEN_OVER_MS,
          )
          await haveAll(meanwhile)

          frozen.program.child.kill('SIGCONT')
          const awake = await write('awake')
          await divide([frozen, survivor])
          await haveAll(awake)
          const later = await write('later')
          await haveAll(later)

          // Each was written once by its author, and once for each of the others.
          for (const { db, name } of all) {
            for (const { rev, id } of await db.fetch([...meanwhile, ...awake, ...later], {
              includeDocs: false,
            }))
              assert.match(String(rev), /^1-/, `${id} of ${name}`)
            assert.deepEqual(await conflictsIn(db), [], name)
          }
          const setAside = running.flatMap(({ program }) =>
            program.lines.filter(({ msg }) => msg === 'document set aside'),
          )
          assert.deepEqual(setAside, [])
        }),
      ),
  )
})
