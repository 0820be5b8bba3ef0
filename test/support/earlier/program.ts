// An earlier version of the program, from its own checkout, and the story told with it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import isEqual from 'lodash/isEqual.js'
import { GatewayGround, type GatewayUser } from '../gateway.ts'
import { takenOutAfter, withPeople } from '../people.ts'
import { ops, settingsFor } from '../program.ts'
import { freePort } from '../servers.ts'
import type { Space } from '../space.ts'
import { restore, type Data } from './data.ts'
import { CALLED, peopleOf, SYNC, tellBefore, tellGatewayBefore, type People } from './story.ts'

const PATIENCE_MS = 120_000
/** Nothing is written any more when nothing was for so long. */
const QUIET_MS = 3_000

/** Everything that the story is about. */
export interface Ground {
  people: People
  gateway: GatewayGround
  reader: GatewayUser
}

/** Runs something with what another server has of the story, and takes it out after it. */
export const withRestored = (
  space: Space,
  data: Data,
  run: (ground: Ground) => Promise<void>,
): Promise<void> =>
  GatewayGround.use(space, SYNC, (gateway) =>
    takenOutAfter(space, async () => {
      await restore(space.couch, space.server, data)
      await run({ people: peopleOf(space), gateway, reader: gateway.user('dan') })
    }),
  )

/** Runs something with the users and the gateway of the story, and takes them out after it. */
export const withGround = (space: Space, run: (ground: Ground) => Promise<void>): Promise<void> =>
  GatewayGround.use(space, SYNC, (gateway) =>
    withPeople(space, CALLED, (people) => run({ people, gateway, reader: gateway.user('dan') })),
  )

/**
 * Plays the first part of the story with the program of a checkout, until nothing is written any more.
 * @param checkout a folder with its sources and its packages
 */
export async function playBefore(space: Space, checkout: string, ground: Ground): Promise<void> {
  await ground.reader.signUp()
  const skeleton = await mkdtemp(join(tmpdir(), 'couch-shares-earlier-'))
  const port = await freePort()
  try {
    await cp(join(checkout, 'skeleton'), skeleton, { recursive: true })
    const folder = join(skeleton, 'gateway', ground.gateway.name)
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'sync.js'), SYNC)
    const program = spawn(process.execPath, ['--import=tsx', 'src/main.ts'], {
      cwd: checkout,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: {
        PATH: process.env['PATH'],
        ...settingsFor(space.server),
        USER_DATABASES: space.config.userDatabases.template,
        SKELETON: skeleton,
        OPS_PORT: String(port),
        LOG_LEVEL: 'warn',
      },
    })
    try {
      await space.until('it is ready', async () => (await ops(port, 'readyz')) === 200, PATIENCE_MS)
      await tellBefore(space, ground.people)
      await tellGatewayBefore(ground.gateway, ground.reader)
      await untilQuiet(space)
    } finally {
      if (program.exitCode === null && program.kill('SIGTERM')) await once(program, 'exit')
    }
  } finally {
    await rm(skeleton, { recursive: true, force: true })
  }
}

/** Waits until nothing is written any more in the story's databases. */
async function untilQuiet({ couch, prefix }: Space): Promise<void> {
  const look = async (): Promise<unknown> => {
    const names = await couch.allDbs({ startKey: prefix, endKey: `${prefix}\ufff0` })
    const infos = await couch.dbsInfo([...names, 'shares'])
    return [...infos].map(([name, info]) => [name, info.doc_count, info.update_seq])
  }
  let before = await look()
  for (;;) {
    await delay(QUIET_MS)
    const now = await look()
    if (isEqual(before, now)) return
    before = now
  }
}
