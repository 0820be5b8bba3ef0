// Where the attackers run, apart from who measures: told the plan by its parent, each goes on until it is stopped.
import { setTimeout as delay } from 'node:timers/promises'
import { Attacker, type Counts, type Hostile } from './attacker.ts'
import { ATTACKS, type Attack } from './attacks.ts'

export interface Plan {
  /** Of the server, without credentials. */
  url: string
  /** One for each of the attacks. */
  hostile: Hostile[]
  /** Nobody attacks for longer. */
  mostMs: number
}

export interface Report extends Counts {
  attack: string
  /** Rounds that were begun. */
  rounds: number
}

/** Requests of an attacker are one after the other; between two rounds there is a moment. */
const PAUSE_MS = 20

const stop = new AbortController()

async function attackAll({ url, hostile, mostMs }: Plan): Promise<Report[]> {
  const timer = setTimeout(() => stop.abort(), mostMs)
  const reports = await Promise.all(
    ATTACKS.map((attack, at) => {
      const who = hostile[at]
      if (!who) throw new Error(`Expected a hostile user for each of the attacks, got ${hostile.length}`)
      return attackOften(attack, new Attacker(url, who, stop.signal))
    }),
  )
  clearTimeout(timer)
  return reports
}

async function attackOften({ name, mostRounds, run }: Attack, attacker: Attacker): Promise<Report> {
  let rounds = 0
  while (rounds < mostRounds && !stop.signal.aborted) {
    rounds += 1
    await run(attacker, rounds - 1)
    await delay(PAUSE_MS)
  }
  return { attack: name, rounds, ...attacker.counts }
}

// The plan comes first; whatever comes after it ends the attack.
process.once('message', (plan) => {
  process.once('message', () => stop.abort())
  attackAll(plan as Plan)
    .then((reports) => process.send?.(reports, () => process.exit(0)))
    .catch((error: unknown) => {
      process.stderr.write(`${String((error as Error).stack ?? error)}\n`)
      process.exit(1)
    })
})
process.once('disconnect', () => process.exit(0))
