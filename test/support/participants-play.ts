// Plays a history of users who share with each other, and looks at what came of it.
import assert from 'node:assert/strict'
import { assertRight } from './participants-checks.ts'
import { ATTRIBUTES, OBJECTS, Participants, type AccessWish, type Action } from './participants.ts'

export type Step =
  | { kind: 'act'; action: Action }
  | { kind: 'turns'; users: number[]; isRacing: boolean; seed: number; meanwhile: Action[] }
  | { kind: 'crash'; after: number; users: number[]; isRacing: boolean; seed: number }
  | { kind: 'trouble'; after: number; isDone: boolean; users: number[] }
  | { kind: 'replicate' | 'listen' | 'sweep' | 'save' | 'miss' | 'duplicate' }
  | { kind: 'settle'; isRacing: boolean; seed: number; meanwhile: Action[] }

export interface History {
  users: number
  owners: Record<string, number>
  canPurge: boolean
  /** How many daemons work at once. */
  daemons?: number
  /** They divide the users. */
  isDivided?: boolean
  /** The shares that are open at the beginning, with everybody in them and objects. */
  begun: string[]
  steps: Step[]
}

/** What the owner writes of each object; what is missing may be a participant's own. */
const STARTS = { a: [...ATTRIBUTES], b: ['name', 'note'], c: [] }
const WRITERS: AccessWish = { write: [1, 2, 3, 4, 5] }
/** Where most histories begin: the shares are open, everybody takes part, and objects are shared. */
export const begin = (shares: readonly string[]): Step[] => [
  ...shares.map((id): Step => ({ kind: 'act', action: { kind: 'access', share: id, access: WRITERS } })),
  ...shares.flatMap((id) =>
    [1, 2, 3, 4, 5].map((one): Step => ({
      kind: 'act',
      action: { kind: 'subscribe', user: one, share: id },
    })),
  ),
  ...(shares.length === 0 ? [] : OBJECTS.slice(0, 2)).flatMap((id): Step[] => [
    {
      kind: 'act',
      action: { kind: 'edit', user: 0, object: id, set: STARTS[id], drop: [], clock: { kind: 'none' } },
    },
    {
      kind: 'act',
      action: { kind: 'wish', user: 0, object: id, share: 'x', wish: id === 'a' ? true : ['name', 'note'] },
    },
  ]),
  { kind: 'settle', isRacing: false, seed: 0, meanwhile: [] },
]

/** Lets things happen one after the other between the requests of turns that race. */
async function during(people: Participants, actions: Action[], run: () => Promise<void>): Promise<void> {
  const { world } = people
  const left = [...actions]
  world.between = () => {
    const dice = world.random()
    const next = dice < 0.1 ? left.shift() : undefined
    if (next) people.act(next)
    else if (dice > 0.95) world.couch.replicate()
  }
  try {
    await run()
  } finally {
    world.between = () => undefined
    for (const one of left) people.act(one)
  }
}

async function turns(people: Participants, users: readonly number[], isRacing: boolean): Promise<void> {
  const owners = users.filter((one) => one < people.count).map((one) => people.hash(one))
  if (isRacing) return people.world.race(owners)
  for (const owner of owners) await people.world.turn(owner)
}

async function take(people: Participants, one: Step): Promise<void> {
  const { world } = people
  switch (one.kind) {
    case 'act':
      return people.act(one.action)
    case 'turns':
      world.reseed(one.seed)
      return during(people, one.meanwhile, () => turns(people, one.users, one.isRacing))
    case 'crash':
      world.reseed(one.seed)
      return world.crash(one.after, () => turns(people, one.users, one.isRacing))
    case 'trouble':
      return world.trouble(one.after, one.isDone, () => turns(people, one.users, false))
    case 'replicate':
      return void world.couch.replicate()
    case 'listen':
      return world.listen()
    case 'sweep':
      return world.sweep()
    case 'save':
      return world.saveCheckpoints()
    case 'miss':
      return void world.missEvents()
    case 'duplicate':
      return world.forgetCheckpoints()
    case 'settle':
      world.reseed(one.seed)
      world.isRacing = one.isRacing
      await during(people, one.meanwhile, () => world.settle())
      world.isRacing = false
      if (one.meanwhile.length === 0) people.noteSettled()
      return
    default:
      return one satisfies never
  }
}

export async function play({ begun, steps, ...settings }: History): Promise<Participants> {
  const people = await Participants.create(settings)
  for (const one of [...begin(begun), ...steps]) await take(people, one)
  await people.world.settle()
  people.noteSettled()
  assertRight(people)
  await seeAgain(people, WAITED)
  await seeAgain(people)
  return people
}

/** Nobody goes through all users when a share opens that their objects wait for: they read of it at the next look. */
const WAITED = new Set(['not_a_participant'])

/** Has everything looked at once more. @param news problems of objects that may come out by that */
async function seeAgain(people: Participants, news: ReadonlySet<string> = new Set()): Promise<void> {
  await people.world.forgetCheckpoints()
  const written = people.world.couch.writes.length
  await people.world.settle()
  const isNews = (line: string): boolean => {
    const [db = '', id = ''] = line.split(' ')
    const { code } = (people.world.couch.databases.get(db)?.read(id)?.['$error'] ?? {}) as { code?: string }
    return code !== undefined && news.has(code)
  }
  const again = people.world.couch.writes
    .slice(written)
    .filter((line) => !line.startsWith('shares/checkpoints ') && !isNews(line))
  assert.deepEqual(again, [], 'seen once more, nothing is written')
}
