// `couch-shares skeleton init`: the start of a folder for SKELETON, with a word on each thing that may be in it.
import { lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EXIT, type ExitCode } from './exit-codes.ts'

/** It lies beside `src/` and beside `dist/`. */
const START = fileURLToPath(new URL('../../docs/examples/skeleton', import.meta.url))

/**
 * Writes the start into a folder, which is made where it is missing. Overwrites nothing: where one of the files is there
 * already, none is written.
 * @returns `failure` where that is so, or the folder cannot be written
 */
export async function skeletonInit(
  folder: string,
  say: (text: string) => void = (text) => void process.stdout.write(text),
  complain: (text: string) => void = (text) => void process.stderr.write(text),
): Promise<ExitCode> {
  const files = await filesOf(START)
  for (const file of files)
    if (await isThere(join(folder, file))) {
      complain(`Expected no file ${join(folder, file)}: nothing is overwritten, and nothing was written\n`)
      return EXIT.failure
    }
  try {
    for (const file of files) {
      const path = join(folder, file)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, await readFile(join(START, file)), { flag: 'wx' })
    }
  } catch (error) {
    complain(`Expected a folder that can be written: ${(error as Error).message}\n`)
    return EXIT.failure
  }
  say(`${files.map((file) => `${join(folder, file)}\n`).join('')}\n`)
  say(
    `Nothing of it does anything yet: ${join(folder, 'README.md')} says what may be there. Set SKELETON to the folder.\n`,
  )
  return EXIT.ok
}

/** By their paths in the folder, sorted. */
async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true })
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
    .sort()
}

/** What lies below a file is not there, either: writing it says why. */
const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  )
