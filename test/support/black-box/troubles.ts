// What goes wrong while users are at work: daemons and the server die, and the network between them fails.
import { setTimeout as delay } from 'node:timers/promises'
import type { FaultProxy } from '../fault-proxy.ts'
import type { Damages } from '../servers.ts'
import type { Daemons } from './daemons.ts'

const LEAST_MS = 100
const MOST_MS = 1_500

export interface Troubled {
  daemons: Daemons
  /** Between each daemon and the server. */
  networks: readonly FaultProxy[]
  /** None: the server is somebody else's, and is left alone. */
  damages: Damages
  random: () => number
}

/** Does damage and mends it, one after the other until told to stop. @returns what was done, in order */
export async function trouble(world: Troubled, isOver: () => boolean): Promise<string[]> {
  const done: string[] = []
  while (!isOver()) {
    await delay(span(world))
    const { damages } = world
    const name = pick(world.random, [...Object.keys(TROUBLES), ...Object.keys(damages)])
    await (TROUBLES[name]?.(world) ?? damages[name]?.(world.random, span(world)))
    done.push(name)
  }
  return done
}

const TROUBLES: Readonly<Record<string, (world: Troubled) => Promise<void>>> = {
  'kill a daemon': ({ daemons, random }) => daemons.kill(random),
  'freeze a daemon': async (world) => world.daemons.freeze(world.random, span(world)),
  'cut connections': ({ networks, random }) => {
    pick(random, networks).cut()
    return Promise.resolve()
  },
  'refuse connections': async (world) => {
    const network = pick(world.random, world.networks)
    await network.refuse()
    await delay(span(world))
    await network.heal()
  },
  'swallow everything': async (world) => {
    const network = pick(world.random, world.networks)
    network.blackHole()
    await delay(span(world))
    await network.heal()
    // Half-open ones are noticed when a request has waited for a minute: that is told elsewhere.
    network.cut()
  },
  'lose answers to writes': async (world) => {
    const network = pick(world.random, world.networks)
    network.swallowAnswersTo(/^(PUT|POST|DELETE) /)
    await delay(span(world))
    await network.heal()
    network.cut()
  },
}

const span = ({ random }: Troubled): number => LEAST_MS + random() * (MOST_MS - LEAST_MS)

function pick<Item>(random: () => number, items: readonly Item[]): Item {
  const item = items[Math.floor(random() * items.length)]
  if (item === undefined) throw new Error('Expected something to pick from')
  return item
}
