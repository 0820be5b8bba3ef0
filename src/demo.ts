// `npm run demo`: plays the example on a throw-away server and shows every document as it stands.
import { DemoError } from './demo/failure.ts'
import { Paper, type Shown } from './demo/paper.ts'
import { Stage, type Seen } from './demo/stage.ts'
import { STORY, type Action, type Exhibit, type Step } from './demo/story.ts'
import { EmbeddedError } from './embedded/server.ts'

/** A second or two on an idle machine. */
const STEP_PATIENCE_MS = 60_000

async function demo(paper: Paper): Promise<void> {
  const begun = performance.now()
  const stage = await Stage.open()
  try {
    paper.heading(
      'couch-shares: two users, two to-dos, one share',
      `The server is a throw-away one in memory, at ${stage.url}; the daemon beside it is the real one.`,
    )
    for (const [index, step] of STORY.entries()) {
      await play(stage, paper, step, index + 1)
    }
    const seconds = ((performance.now() - begun) / 1000).toFixed(1)
    paper.paragraph(
      `That was all, in ${seconds} s. The server and its databases are gone now; "npm start" gives you one to keep.`,
    )
  } finally {
    await stage.close()
  }
}

async function play(stage: Stage, paper: Paper, step: Step, number: number): Promise<void> {
  paper.step(number, STORY.length, step.title, step.sentence)
  for (const action of step.actions) {
    const written = await stage.act(action)
    paper.action(`${action.by} ${VERBS[action.kind]}`, action.db, written)
  }
  const begun = performance.now()
  const result = await stage.until(step.exhibits, STEP_PATIENCE_MS)
  if (result.kind === 'missing') throw new DemoError(failure(step, number, result, stage.complaints))
  paper.after(performance.now() - begun)
  for (const [exhibit, seen] of result.seen) paper.exhibit(shown(exhibit, seen))
}

const VERBS = {
  create: 'creates',
  write: 'writes into',
  delete: 'deletes from',
} as const satisfies Record<Action['kind'], string>

const shown = ({ db, id, isFormer, note }: Exhibit, { doc, hasDatabase }: Seen): Shown => ({
  db,
  id: isFormer ? `${id}, the revision before` : id,
  note,
  doc,
  absent: isFormer
    ? 'not readable any more'
    : hasDatabase
      ? 'no such document any more'
      : 'no such database any more',
})

function failure(
  step: Step,
  number: number,
  { exhibit, seen }: { exhibit: Exhibit; seen: Seen },
  complaints: readonly string[],
): string {
  const { db, id, note } = exhibit
  const found = seen.doc === null ? 'it is not there' : `it reads ${JSON.stringify(seen.doc)}`
  return [
    `Step ${number}, "${step.title}", did not come to pass in time.`,
    `Expected of ${id} in ${db}: ${note} But ${found}.`,
    ...(complaints.length === 0 ? [] : ['The daemon logged:', ...complaints]),
  ].join('\n')
}

const hasColour = process.stdout.isTTY === true && !process.env['NO_COLOR']
try {
  await demo(new Paper((text) => void process.stdout.write(text), { hasColour }))
} catch (error) {
  const isForeseen = error instanceof DemoError || error instanceof EmbeddedError
  process.stderr.write(`\n${isForeseen ? error.message : String((error as Error).stack ?? error)}\n`)
  process.exitCode = 1
}
